/** What each scope lets an app do, in the words of the consent page. */
export const scopeMeanings: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your profile: name, username, picture, website',
  email: 'See your e-mail address',
  'read-billing': 'Know whether you have a payment method set up',
  'read-memberships': 'See the organizations you are in and your role there',
  'read-repos': 'Read your repositories, private ones too',
  'gated-repos': 'Read the gated repositories you have access to',
  'contribute-repos': 'Create repositories and write to those it created',
  'write-repos': 'Read and write your repositories',
  'manage-repos': 'Manage, create and delete your repositories',
  'read-collections': 'Read your collections',
  'write-collections': 'Change your collections',
  'inference-api': 'Use Inference Providers on your behalf',
  'read-endpoints': 'See your Inference Endpoints',
  'write-endpoints': 'Manage your Inference Endpoints',
  jobs: 'Run jobs on your behalf',
  webhooks: 'Manage your webhooks',
  'write-discussions': 'Open and answer discussions and pull requests for you',
  'read-mcp': 'Use the MCP server on your behalf',
}

export const allScopes: readonly string[] = Object.keys(scopeMeanings)
