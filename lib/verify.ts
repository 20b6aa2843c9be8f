import { type Callback, fromCallback } from './callback'
import type { TokenParams } from './options'

/** What the token endpoint granted. */
export interface Tokens {
  accessToken: string
  refreshToken: string | undefined
  params: TokenParams
}

/**
 * Calls the app's verify function as passport-oauth2 does: with `params` if it has a parameter more.
 *
 * @param first the request, if verify wants it
 */
export function callVerify(
  verify: (...args: unknown[]) => unknown,
  first: unknown[],
  { accessToken, refreshToken, params }: Tokens,
  profile: unknown,
): Promise<[user?: Express.User, info?: object]> {
  const arity = verify.length - first.length
  const args = [...first, accessToken, refreshToken, ...(arity === 5 ? [params] : []), profile]
  // Without a fourth parameter there is no `done`, unless all are in a rest parameter.
  const hasCallback = verify.length === 0 || arity > 3
  const call = (done: Callback) => verify(...args, Object.defineProperties(done, guard))
  return fromCallback(call, hasCallback) as Promise<[user?: Express.User, info?: object]>
}

/**
 * In JavaScript, a verify of four parameters may have `params` for its third. It gets `done` for its
 * profile then, and would give every person the same `id`: undefined.
 */
const misread = {
  get() {
    throw new TypeError(
      'this is `done`, not the profile: verify has four parameters (accessToken, refreshToken, profile, done); to get `params`, declare five: (accessToken, refreshToken, params, profile, done)',
    )
  },
}
const guard = { id: misread, username: misread, emails: misread }
