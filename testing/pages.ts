import { text } from 'node:stream/consumers'
import type { InteractionResults, Provider } from 'oidc-provider' with {
  'resolution-mode': 'import',
}
import {
  consentPage,
  errorPage,
  homePage,
  type Page,
  peoplePage,
  profilePage,
  render,
} from './html'
import { consentKey, type HubState } from './state'

export type Context = Parameters<Parameters<Provider['use']>[0]>[0]

const expired = errorPage('This request is done or has expired', [
  'Go back to the app and sign in again.',
])

/** The pages that people see in the browser. `signIn` gets them as JSON. */
export class Pages {
  readonly #provider: Provider
  readonly #state: HubState

  constructor(provider: Provider, state: HubState) {
    this.#provider = provider
    this.#state = state
  }

  /** One step of a sign-in: shows its page, or takes its form. */
  async interact(ctx: Context): Promise<void> {
    const { people, consents, url, faults } = this.#state
    const provider = this.#provider
    ctx.set('Cache-Control', 'no-store')
    const interaction = await provider.interactionDetails(ctx.req, ctx.res).catch(() => {})
    if (interaction === undefined) {
      return show(ctx, 400, expired)
    }
    const finish = async (result: InteractionResults): Promise<void> =>
      redirect(ctx, await provider.interactionResult(ctx.req, ctx.res, result))
    const form = ctx.method === 'POST' ? await readForm(ctx) : undefined
    if (faults.deny || form?.get('decision') === 'deny') {
      const description = 'The user denied the request'
      return finish({ error: 'access_denied', error_description: description })
    }

    const { prompt, session } = interaction
    const params = interaction.params as Record<string, string>
    const { client_id: clientID = '', scope = '', orgIds = '' } = params
    const appName = (await provider.Client.find(clientID))?.clientName ?? clientID
    if (prompt.name === 'login') {
      if (form === undefined) {
        return show(ctx, 200, peoplePage(url, appName, people))
      }
      const username = form.get('username')
      const person = people.find((one) => one.username === username)
      return person === undefined
        ? show(ctx, 400, errorPage(`${username} is not on the local Hub`, [], ctx.path))
        : finish({ login: { accountId: person.sub } })
    }

    const person = people.find(({ sub }) => sub === session?.accountId)
    if (person === undefined) {
      return show(ctx, 400, expired)
    }
    const scopes = new Set(scope.split(' '))
    const key = consentKey(person.sub, clientID, scopes)
    if (form !== undefined) {
      consents.set(key, new Set(form.getAll('orgs')))
      return finish({ consent: {} })
    }
    const ticked = new Set([...(consents.get(key) ?? []), ...orgIds.split(',')])
    const restart = `/oauth/authorize?${new URLSearchParams(JSON.parse(JSON.stringify(params)))}`
    show(ctx, 200, consentPage(url, { appName, clientID, person, scopes, ticked, restart }))
  }

  /** All other pages: the home page, and the profiles that the `profile` claim points to. */
  async visit(ctx: Context): Promise<void> {
    const { people, clients, url } = this.#state
    if (ctx.path === '/logout' && ctx.method === 'POST') {
      const session = await this.#provider.Session.get(ctx)
      await session.destroy()
      ctx.cookies.set(this.#provider.cookieName('session'), null)
      return redirect(ctx, (await readForm(ctx)).get('next') ?? '/')
    }
    if (ctx.path === '/') {
      const { accountId } = await this.#provider.Session.get(ctx)
      const visitor = people.find(({ sub }) => sub === accountId)
      return show(ctx, 200, homePage(url, people, clients, visitor))
    }
    const orgs = people.flatMap((person) => person.orgs.map(({ role, ...org }) => org))
    const account = [...people, ...orgs].find(
      ({ username }) => ctx.path === `/${encodeURIComponent(username)}`,
    )
    return account === undefined
      ? show(ctx, 404, errorPage('Page not found', [`The local Hub has no page ${ctx.path}.`]))
      : show(ctx, 200, profilePage(url, account))
  }

  /** Shown instead of a redirect to an app that the Hub does not know or trust. */
  showError(ctx: Context, error: string, description = '', registered: readonly string[]): void {
    const { client_id: clientID, redirect_uri: redirectURI } = ctx.query
    const known = this.#state.clients.map((client) => client.clientID).join(', ')
    const hints: Readonly<Record<string, readonly string[]>> = {
      invalid_client: [`Asked for: ${clientID}`, `Registered here: ${known}`],
      invalid_redirect_uri: [
        `Asked for: ${redirectURI}`,
        `Registered for this app: ${registered.join(', ')}`,
      ],
    }
    const title = `${ctx.status} Error: ${headlines[error] ?? error}`
    show(ctx, ctx.status, errorPage(title, [description, ...(hints[error] ?? [])], ctx.originalUrl))
  }
}

/** What the Hub's own error page says. */
const headlines: Readonly<Record<string, string>> = {
  invalid_client: 'Invalid client_id',
  invalid_redirect_uri: 'invalid redirect_uri',
}

function show(ctx: Context, status: number, page: Page): void {
  const { title, data = { messages: [title] } } = page
  ctx.status = status
  if (ctx.accepts('html', 'json') === 'json') {
    ctx.body = data
  } else {
    ctx.type = 'html'
    ctx.body = render(page)
  }
}

function redirect(ctx: Context, location: string): void {
  ctx.status = 303
  ctx.redirect(location)
}

async function readForm(ctx: Context): Promise<URLSearchParams> {
  return new URLSearchParams(await text(ctx.req))
}
