import { text } from 'node:stream/consumers'
import type { InteractionResults, Provider } from 'oidc-provider' with {
  'resolution-mode': 'import',
}
import { avatarSVG, consentForm, peopleForm, render } from './html'
import type { Hub } from './hub'
import { formHeader } from './sign-in'

export type Context = Parameters<Parameters<Provider['use']>[0]>[0]

/** The `sub` of the organizations granted to an app, by {@link consentKey} and by grant. */
export type Consents = Map<string, readonly string[]>

/** The Hub asks for consent once for each person, app and set of scopes. */
export function consentKey(sub: string, clientID: string, scopes: readonly string[]): string {
  return JSON.stringify([sub, clientID, [...scopes].sort()])
}

const denial = { error: 'access_denied', error_description: 'The user denied the request' }

/** The pages that people see in the browser. */
export function createPages(provider: Provider, hub: Hub, consents: Consents) {
  /** One step of a sign-in: shows its page, or takes its form. */
  async function interact(ctx: Context): Promise<void> {
    const interaction = await provider.interactionDetails(ctx.req, ctx.res).catch(() => {})
    if (!interaction) return show(ctx, 400, 'This sign-in is over', ['Sign in again in the app.'])
    const finish = async (result: InteractionResults): Promise<void> =>
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
    const form = new URLSearchParams(ctx.get(formHeader) || (await text(ctx.req)))
    const decision = form.get('decision')
    if (hub.faults.deny || decision === 'deny') return finish(denial)

    // Without what is undefined.
    const params: Record<string, string> = JSON.parse(JSON.stringify(interaction.params))
    const { client_id: clientID = '', scope = '', orgIds = '' } = params
    const appName = (await provider.Client.find(clientID))?.clientName ?? clientID
    const person = hub.people.find(({ sub }) => sub === interaction.session?.accountId)
    if (interaction.prompt.name === 'login' || !person) {
      const username = form.get('username')
      if (username === null) {
        const messages = [`You will sign in to ${appName}.`]
        return show(ctx, 200, 'Choose a person', messages, peopleForm(hub.url, hub.people))
      }
      const chosen = hub.people.find((one) => one.username === username)
      if (!chosen) return refuse(ctx, `${username} is not on the local Hub`, hub.people)
      await finish({ login: { accountId: chosen.sub } })
      // With somebody else signed in, oidc-provider would ask whether to sign them out.
      return signOut(ctx)
    }

    const scopes = scope.split(' ')
    const key = consentKey(person.sub, clientID, scopes)
    const names = form.has('orgs') ? form.getAll('orgs').filter((name) => name !== '') : undefined
    const wanted = names ?? [...(consents.get(key) ?? []), ...orgIds.split(',')]
    const findOrg = (name: string) =>
      person.orgs.find(({ sub, username }) => name === sub || name === username)
    const ticked = wanted.flatMap((name) => findOrg(name) ?? [])
    const unknown = names?.find((name) => !findOrg(name))
    const title = `${unknown} is not an organization of ${person.username}`
    if (unknown) return refuse(ctx, title, person.orgs)
    if (decision === 'authorize') {
      const granted = ticked.map(({ sub }) => sub)
      consents.set(key, granted)
      return finish({ consent: {} })
    }
    if (decision === 'switch') {
      return ctx.redirect(`/oauth/authorize?${new URLSearchParams({ ...params, prompt: 'login' })}`)
    }
    const messages = [`Client ID: ${clientID}`, 'You are signed in as:']
    const page = consentForm(hub.url, person, scopes, ticked)
    show(ctx, 200, `Authorize ${appName}?`, messages, page)
  }

  async function signOut(ctx: Context): Promise<void> {
    const session = await provider.Session.get(ctx)
    if (session.accountId) await Object.assign(session, { accountId: undefined }).persist()
  }

  return {
    /** Every address that is not one of OAuth. */
    async visit(ctx: Context): Promise<void> {
      const { path, method } = ctx
      ctx.set('Cache-Control', 'no-store')
      if (path.startsWith('/interaction/')) return interact(ctx)
      const [, avatar] = /^\/avatars\/([^/]+)\.svg$/.exec(path) ?? []
      const person = hub.people.find(({ username }) => path === `/${encodeURIComponent(username)}`)
      if (path === '/sign-out' && method === 'POST') {
        await signOut(ctx)
        ctx.redirect('/')
      } else if (avatar) {
        ctx.type = 'image/svg+xml'
        ctx.body = avatarSVG(decodeURIComponent(avatar))
      } else if (person) {
        show(ctx, 200, person.name ?? person.username, [`@${person.username}`])
      } else if (path === '/') {
        show(ctx, 200, 'Local Hub', [`Apps with the Hub URL ${hub.url} sign people in here.`])
      } else {
        show(ctx, 404, 'Page not found', [`The local Hub has no page ${path}.`])
      }
    },

    /** Shown instead of a redirect to an app that the Hub does not know or trust. */
    error(ctx: Context, error: string, detail = '', redirectURIs?: readonly string[]) {
      const { client_id: clientID, redirect_uri: redirectURI } = ctx.query
      const known = redirectURIs ?? hub.clients.map((client) => client.clientID)
      const hint = `Asked for: ${clientID}, ${redirectURI}. Registered: ${known.join(', ')}`
      show(ctx, ctx.status, `${ctx.status} Error: ${error}`, [detail, clientID ? hint : ''])
    },
  }
}

function refuse(ctx: Context, title: string, known: readonly { username: string }[]): void {
  const names = known.map(({ username }) => username).join(', ')
  show(ctx, 400, title, [`Known are: ${names || 'none'}.`])
}

/** `signIn` gets only text. It fills in every form, so it comes to no other page. */
function show(ctx: Context, status: number, title: string, messages: string[], form?: string) {
  const isForPeople = ctx.get(formHeader) === ''
  ctx.status = status
  ctx.type = isForPeople ? 'html' : 'text'
  ctx.body = isForPeople ? render(title, messages, form) : [title, ...messages].join('. ')
}
