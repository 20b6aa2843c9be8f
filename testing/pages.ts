import type { Context, Interaction, Provider } from 'oidc-provider'
import * as html from './html'
import type { Resident } from './people'
import type { HubState } from './state'

/** The pages a person sees: who they are, what the app may do. */
export class Pages {
  readonly #provider: Provider
  readonly #state: HubState

  constructor(provider: Provider, state: HubState) {
    this.#provider = provider
    this.#state = state
  }

  /** One step of a sign-in: shows its page, or takes the answer and goes on. */
  async interact(ctx: Context): Promise<void> {
    ctx.set('Cache-Control', 'no-store')
    let interaction: Interaction
    try {
      interaction = await this.#provider.interactionDetails(ctx.req, ctx.res)
    } catch {
      this.#show(ctx, 400, html.errorPage('This sign-in has expired', 'Go back to the app and start again.'))
      return
    }
    if (this.#state.faults.deny) {
      return this.#deny(ctx)
    }
    const isLogin = interaction.prompt.name === 'login'
    const person = this.#state.people.find(({ sub }) => sub === interaction.session?.accountId)
    if (ctx.method === 'GET') {
      return isLogin ? this.#showLogin(ctx, interaction) : this.#showConsent(ctx, interaction, person)
    }
    const form = await readForm(ctx)
    const decision = form.get('decision')
    if (decision === 'deny') {
      return this.#deny(ctx)
    }
    if (decision === 'switch') {
      return this.#switchPerson(ctx, interaction)
    }
    return isLogin ? this.#login(ctx, form) : this.#consent(ctx, interaction, person, form)
  }

  /** Every other address: the front page, and the profiles that the `profile` claim points to. */
  async visit(ctx: Context): Promise<void> {
    const { people, clients, url } = this.#state
    if (ctx.path === '/logout' && ctx.method === 'POST') {
      await this.#endSession(ctx)
      redirect(ctx, '/')
      return
    }
    const session = await this.#provider.Session.get(ctx)
    const visitor = people.find(({ sub }) => sub === session.accountId)
    if (ctx.path === '/') {
      this.#show(ctx, 200, html.frontPage(url, people, clients, visitor))
      return
    }
    const name = safeDecode(ctx.path.slice(1))
    const person = people.find(({ username }) => username === name)
    if (person !== undefined) {
      this.#show(ctx, 200, html.personPage(url, person))
      return
    }
    const org = people.flatMap(({ orgs }) => orgs).find(({ username }) => username === name)
    if (org !== undefined) {
      this.#show(ctx, 200, html.orgPage(url, org))
      return
    }
    this.#show(ctx, 404, html.errorPage('Not found', 'The local Hub has no such page.'))
  }

  /** What the Hub shows instead of going back to an app that it does not know or trust, and how to put it right. */
  error(ctx: Context, { error, error_description: description = '' }: { error: string; error_description?: string }): string {
    const hints: string[] = []
    if (error === 'invalid_client') {
      hints.push(`Asked for: ${ctx.query['client_id'] ?? 'none'}`)
      hints.push(`Registered here: ${this.#state.clients.map(({ clientID }) => clientID).join(', ')}`)
    }
    if (error === 'invalid_redirect_uri') {
      hints.push(`Asked for: ${ctx.query['redirect_uri'] ?? 'none'}`)
      hints.push(`Registered for this app: ${ctx.oidc.client.redirectUris.join(', ')}`)
    }
    return html.errorPage(`400 Error: ${headlines[error] ?? error}`, description, hints)
  }

  #showLogin(ctx: Context, interaction: Interaction): void {
    this.#show(ctx, 200, html.loginPage(this.#state.url, interaction.uid, this.#state.people))
  }

  async #login(ctx: Context, form: URLSearchParams): Promise<void> {
    const person = this.#state.people.find(({ username }) => username === form.get('username'))
    if (person === undefined) {
      this.#show(ctx, 400, html.errorPage('Nobody has that name here', 'Go back and choose somebody else.'))
      return
    }
    await this.#finish(ctx, { login: { accountId: person.sub } })
  }

  async #showConsent(ctx: Context, interaction: Interaction, person: Resident | undefined): Promise<void> {
    if (person === undefined) {
      return this.#switchPerson(ctx, interaction)
    }
    const clientID = interaction.params['client_id'] ?? ''
    const scopes = requestedScopes(interaction)
    const client = await this.#provider.Client.find(clientID)
    const chosen = new Set(this.#state.consents.recall(person.sub, clientID, scopes))
    for (const sub of interaction.params['orgIds']?.split(',') ?? []) {
      chosen.add(sub)
    }
    const appName = client?.clientName ?? clientID
    this.#show(ctx, 200, html.consentPage(this.#state.url, interaction.uid, { appName, clientID, person, scopes, chosen }))
  }

  async #consent(ctx: Context, interaction: Interaction, person: Resident | undefined, form: URLSearchParams): Promise<void> {
    if (person === undefined) {
      return this.#switchPerson(ctx, interaction)
    }
    const { consents } = this.#state
    const clientId = interaction.params['client_id'] ?? ''
    const scopes = requestedScopes(interaction)
    const own = new Set(person.orgs.map(({ sub }) => sub))
    const orgs = new Set(form.getAll('orgs').filter((sub) => own.has(sub)))
    const grant = new this.#provider.Grant({ accountId: person.sub, clientId })
    grant.addOIDCScope([...scopes].join(' '))
    const grantId = await grant.save()
    consents.bind(grantId, orgs)
    consents.remember(person.sub, clientId, scopes, orgs)
    await this.#finish(ctx, { consent: { grantId } })
  }

  #deny(ctx: Context): Promise<void> {
    return this.#finish(ctx, { error: 'access_denied', error_description: 'The user denied the request' })
  }

  /** Forgets who is signed in and starts the same authorization request again. */
  async #switchPerson(ctx: Context, { params }: Interaction): Promise<void> {
    await this.#endSession(ctx)
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(params)) {
      if (value !== undefined) {
        query.set(name, value)
      }
    }
    redirect(ctx, `/oauth/authorize?${query}`)
  }

  async #endSession(ctx: Context): Promise<void> {
    const session = await this.#provider.Session.get(ctx)
    await session.destroy()
    ctx.cookies.set(this.#provider.cookieName('session'), null)
  }

  async #finish(ctx: Context, result: object): Promise<void> {
    redirect(ctx, await this.#provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true }))
  }

  #show(ctx: Context, status: number, page: string): void {
    ctx.status = status
    ctx.type = 'html'
    ctx.body = page
  }
}

/** The words of the real Hub's error page, where they are known. */
const headlines: Readonly<Record<string, string>> = {
  invalid_client: 'Invalid client_id',
  invalid_redirect_uri: 'invalid redirect_uri',
}

function requestedScopes({ params }: Interaction): ReadonlySet<string> {
  return new Set(params['scope']?.split(' '))
}

function redirect(ctx: Context, location: string): void {
  ctx.status = 303
  ctx.redirect(location)
}

async function readForm(ctx: Context): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) {
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
