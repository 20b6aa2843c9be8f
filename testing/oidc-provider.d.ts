// The part of oidc-provider that the local Hub uses. The package brings no declarations of its own, and this file is
// not published, so nothing of it shows in the public types.
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

  export interface Context {
    readonly req: IncomingMessage
    readonly res: ServerResponse
    readonly path: string
    readonly method: string
    query: Record<string, string | string[] | undefined>
    status: number
    type: string
    body: unknown
    readonly cookies: { set(name: string, value: string | null, options?: object): void }
    get(header: string): string
    set(header: string, value: string): void
    redirect(url: string): void
    readonly oidc: OIDCContext
  }

  export interface OIDCContext {
    readonly client: Client
    readonly account: { readonly accountId: string } | undefined
    readonly requestParamOIDCScopes: ReadonlySet<string>
    readonly result?: { consent?: { grantId?: string } }
  }

  export interface Client {
    readonly clientId: string
    readonly clientName?: string
    readonly redirectUris: readonly string[]
    readonly scope?: string
    grantTypeAllowed(type: string): boolean
    redirectUriAllowed(uri: string): boolean
  }

  export interface Grant {
    addOIDCScope(scope: string): void
    save(): Promise<string>
  }

  export interface Interaction {
    readonly uid: string
    readonly prompt: { readonly name: string; readonly details: Record<string, unknown> }
    readonly params: Record<string, string | undefined>
    readonly session?: { readonly accountId?: string }
  }

  export interface AccessToken {
    readonly accountId: string
    readonly grantId: string
    readonly scopes: ReadonlySet<string>
  }

  interface Session {
    readonly accountId?: string
    destroy(): Promise<void>
  }

  interface Model<T> {
    new (properties: object): T
    readonly prototype: T
    find(id: string): Promise<T | undefined>
  }

  interface IdentifiedToken {
    generateTokenId(): string
  }

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly Client: Model<Client>
    readonly Grant: Model<Grant>
    readonly AccessToken: Model<AccessToken & IdentifiedToken>
    readonly RefreshToken: Model<IdentifiedToken>
    readonly Session: { get(ctx: Context): Promise<Session> }
    use(middleware: (ctx: Context, next: () => Promise<void>) => unknown): this
    on(event: string, listener: (ctx: Context, error: Error) => void): this
    callback(): RequestListener
    cookieName(type: 'session'): string
    interactionDetails(req: IncomingMessage, res: ServerResponse): Promise<Interaction>
    interactionResult(
      req: IncomingMessage,
      res: ServerResponse,
      result: object,
      options?: { mergeWithLastSubmission: boolean },
    ): Promise<string>
  }

  export const errors: {
    InvalidScope: new (description: string, scope: string) => Error
  }

  interface Check {
    readonly reason: string
  }
  interface Prompt {
    readonly checks: { add(check: Check): void; remove(reason: string): void }
  }
  export const interactionPolicy: {
    base(): { get(name: 'login' | 'consent'): Prompt }
    Check: new (reason: string, description: string, error: string, check: (ctx: Context) => boolean) => Check
  }
}
