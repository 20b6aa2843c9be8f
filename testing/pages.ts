import { text } from 'node:stream/consumers'
import type { InteractionResults, Provider } from 'oidc-provider' with {
  'resolution-mode': 'import',
}
import { avatarSVG, consentForm, type Markup, peopleForm, render } from './html'
import type { Hub } from './hub'
import { formHeader } from './sign-in'

export type Context = Parameters<Parameters<Provider['use']>[0]>[0]

/** The `sub` of the organizations granted to an app, by {@link consentKey} and by grant. */
export type Consents = Map<string, readonly string[]>

/** The Hub asks for consent once for each person, app and set of scopes. */
export function consentKey(sub: string, clientID: string, scopes: readonly string[]): string {
  return JSON.stringify([sub, clientID, [...scopes].sort()])
}

/** The pages that people see in the browser. */
export function createPages(provider: Provider, hub: Hub, consents: Consents) {
  const clientIDs = hub.clients.map(({ clientID }) => clientID)

  /** One step of a sign-in: shows its page, or takes its form. */
  async function interact(ctx: Context): Promise<void> {
    const interaction = await provider.interactionDetails(ctx.req, ctx.res).catch(() => {})
    if (!interaction) {
      const cure = ['Go back to the app and sign in again.']
      return show(ctx, 400, 'This request is done or has expired', cure)
    }
    const finish = async (result: InteractionResults): Promise<void> =>
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
    const form = new URLSearchParams(ctx.get(formHeader) || (await text(ctx.req)))
    const decision = form.get('decision')
    if (hub.faults.deny || decision === 'deny') {
      const description = 'The user denied the request'
      return finish({ error: 'access_denied', error_description: description })
    }

    // A copy without what is undefined.
    const params: Record<string, string> = JSON.parse(JSON.stringify(interaction.params))
    const { client_id: clientID = '', scope = '', orgIds = '' } = params
    const appName = (await provider.Client.find(clientID))?.clientName ?? clientID
    const person = hub.people.find((one) => is(one, interaction.session?.accountId))
    if (interaction.prompt.name === 'login' || !person) {
      const username = form.get('username')
      if (username === null) {
        const messages = [`You will sign in to ${appName}.`]
        return show(ctx, 200, 'Choose a person', messages, peopleForm(hub.url, hub.people))
      }
      const chosen = hub.people.find((one) => is(one, username))
      if (!chosen) return refuse(ctx, `${username} is not on the local Hub`, hub.people)
      await finish({ login: { accountId: chosen.sub } })
      // With somebody else signed in, oidc-provider would ask whether to sign them out.
      return signOut(ctx)
    }

    const scopes = scope.split(' ')
    const key = consentKey(person.sub, clientID, scopes)
    const names = form.has('orgs') ? form.getAll('orgs').filter((name) => name !== '') : undefined
    const ticked = names ?? [...(consents.get(key) ?? []), ...orgIds.split(',')]
    const orgs = person.orgs.filter((org) => ticked.some((name) => is(org, name)))
    const unknown = names?.find((name) => !orgs.some((org) => is(org, name)))
    const title = `${unknown} is not an organization of ${person.username}`
    if (unknown) return refuse(ctx, title, person.orgs)
    if (decision === 'authorize') {
      consents.set(
        key,
        orgs.map(({ sub }) => sub),
      )
      return finish({ consent: {} })
    }
    if (decision === 'switch') {
      return ctx.redirect(`/oauth/authorize?${new URLSearchParams({ ...params, prompt: 'login' })}`)
    }
    const messages = [`Client ID: ${clientID}`, 'You are signed in as:']
    const page = consentForm(hub.url, person, scopes, (org) => orgs.includes(org))
    show(ctx, 200, `Authorize ${appName}?`, messages, page)
  }

  async function signOut(ctx: Context): Promise<void> {
    const session = await provider.Session.get(ctx)
    if (!session.accountId) return
    session.accountId = undefined
    await session.persist()
  }

  return {
    /** Every address that is not one of OAuth. */
    async visit(ctx: Context): Promise<void> {
      const { path, method } = ctx
      ctx.set('Cache-Control', 'no-store')
      if (path.startsWith('/interaction/')) return interact(ctx)
      if (path === '/sign-out' && method === 'POST') {
        await signOut(ctx)
        return ctx.redirect('/')
      }
      const [, avatar] = /^\/avatars\/([^/]+)\.svg$/.exec(path) ?? []
      const person = hub.people.find(({ username }) => path === `/${encodeURIComponent(username)}`)
      if (avatar) {
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
    error(
      ctx: Context,
      error: string,
      description = '',
      registered: readonly string[] = clientIDs,
    ): void {
      const { client_id: clientID, redirect_uri: redirectURI } = ctx.query
      const hint = `Asked for: ${clientID}, ${redirectURI}. Registered: ${registered.join(', ')}`
      const messages = [description, ...(clientID ? [hint] : [])]
      show(ctx, ctx.status, `${ctx.status} Error: ${error}`, messages)
    },
  }
}

type Account = { readonly sub: string; readonly username: string }

function is({ sub, username }: Account, name: string | undefined): boolean {
  return name === sub || name === username
}

function refuse(ctx: Context, title: string, known: readonly Account[]): void {
  const names = known.map(({ username }) => username).join(', ')
  show(ctx, 400, title, [`Known are: ${names || 'none'}.`])
}

/** `signIn` gets only text. It fills in every form, so it comes to no other page. */
function show(
  ctx: Context,
  status: number,
  title: string,
  messages: string[],
  form?: Markup,
): void {
  const isForPeople = ctx.get(formHeader) === ''
  ctx.status = status
  ctx.type = isForPeople ? 'html' : 'text'
  ctx.body = isForPeople ? render(title, messages, form) : [title, ...messages].join('. ')
}
