declare module 'passport-oauth2-refresh' {
  type Done = (error: unknown, accessToken?: string, refreshToken?: string, params?: Record<string, unknown>) => void

  export class AuthTokenRefresh {
    use(strategy: object): void
    requestNewAccessToken(name: string, refreshToken: string, done: Done): void
  }
}
