import type { HuggingFaceAuthenticateOptions, HuggingFaceStrategy, SignInFailureInfo } from '../../lib'

/** What a strategy did with a request: exactly one of Passport's actions. */
export type Outcome =
  | { action: 'redirect'; url: URL; cookies: string[] }
  | { action: 'success'; user: unknown; info: Record<string, unknown> }
  | { action: 'fail'; info: SignInFailureInfo; status: number | undefined }
  | { action: 'error'; error: Error & Record<string, unknown> }

export interface FakeRequest {
  [field: string]: unknown
}

/** Runs one request through a strategy as Passport does, on a copy that carries the actions, and answers with the one that was taken. */
export function attempt(
  strategy: HuggingFaceStrategy,
  request: FakeRequest = {},
  options?: HuggingFaceAuthenticateOptions,
): Promise<Outcome> {
  const cookies: string[] = []
  const headers = new Map<string, unknown>()
  const res = {
    getHeader: (name: string) => headers.get(name.toLowerCase()),
    setHeader: (name: string, value: unknown) => {
      headers.set(name.toLowerCase(), value)
      if (name === 'Set-Cookie') cookies.splice(0, cookies.length, ...(value as string[]))
    },
  }
  const req = { method: 'GET', url: '/', headers: {}, query: {}, res, ...request }
  return new Promise((resolve, reject) => {
    let actions = 0
    const once = (outcome: Outcome) => {
      actions += 1
      if (actions > 1) throw new Error('a second action was taken')
      resolve(outcome)
    }
    const perRequest = Object.assign(Object.create(strategy), {
      redirect: (url: string) => once({ action: 'redirect', url: new URL(url), cookies }),
      success: (user: unknown, info: Record<string, unknown>) => once({ action: 'success', user, info }),
      fail: (info: SignInFailureInfo, status?: number) => once({ action: 'fail', info, status }),
      error: (error: Error & Record<string, unknown>) => once({ action: 'error', error }),
      pass: () => reject(new Error('passed')),
    }) as HuggingFaceStrategy
    perRequest.authenticate(req as never, options)
  })
}

/** The redirect that begins a sign-in, and the headers with which the browser comes back from it. */
export async function begin(strategy: HuggingFaceStrategy, options?: HuggingFaceAuthenticateOptions, request?: FakeRequest) {
  const outcome = await attempt(strategy, request, options)
  if (outcome.action !== 'redirect')
    throw new Error(`the sign-in did not begin: ${JSON.stringify(outcome)} ${'error' in outcome ? outcome.error.stack : ''}`)
  const parameters = Object.fromEntries(outcome.url.searchParams)
  const cookie = outcome.cookies.map((line) => line.split(';')[0]).join('; ')
  return { ...outcome, parameters, cookie, state: parameters['state'] ?? '' }
}

/** A whole sign-in, with a code from nowhere: what the Hub answers to it is up to the test. */
export async function signIn(
  strategy: HuggingFaceStrategy,
  {
    options = {},
    query = {},
    request = {},
  }: { options?: HuggingFaceAuthenticateOptions; query?: Record<string, unknown>; request?: FakeRequest } = {},
) {
  const begun = await begin(strategy, options, request)
  return attempt(strategy, {
    ...request,
    headers: { ...(request['headers'] as object), cookie: begun.cookie },
    query: { code: 'the-code', state: begun.state, ...query },
  })
}
