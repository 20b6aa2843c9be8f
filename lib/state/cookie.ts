import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { parse, serialize } from 'cookie'
import { type AnyRequest, originOf, responseOf } from '../request'
import type { Done } from '../settle'
import {
  answer,
  hasExpired,
  isHandle,
  mostSignIns,
  newHandle,
  type SignIn,
  type StateMeta,
  type StateStore,
  signInLifetime,
  whyGone,
} from './store'

export interface CookieStateStoreOptions {
  /** Seals the cookies. In a list the first one seals and all open, so that a secret can be changed. At least 16 characters each are advisable. */
  secret: string | readonly string[]
  /** `none` for an app inside another site's frame (a Space); the cookies are Secure then. Default `lax`. */
  sameSite?: 'lax' | 'none' | undefined
  /** Keep the cookies apart for each site that frames the app (CHIPS). Default false. */
  partitioned?: boolean | undefined
}

/** Bytes of one sealed cookie, and of all that a browser sends back together. */
const largestCookie = 3072
const largestTogether = 4000

/**
 * Keeps each sign-in in progress sealed (A256GCM) in a cookie of its own, so it needs no session and no server of its own: several tabs and any number of servers work.
 *
 * @throws {TypeError} where there is no secret
 */
export class CookieStateStore implements StateStore {
  private readonly secrets: readonly string[]
  private readonly sameSite: 'lax' | 'none'
  private readonly partitioned: boolean

  constructor({ secret, sameSite = 'lax', partitioned = false }: CookieStateStoreOptions) {
    this.secrets = typeof secret === 'string' ? [secret] : [...(secret ?? [])]
    if (!this.secrets.length || !this.secrets.every((each) => typeof each === 'string' && each !== '')) {
      throw new TypeError('CookieStateStore needs a secret: a string, or a list of strings with the newest first')
    }
    this.sameSite = sameSite
    this.partitioned = partitioned
  }

  store(req: AnyRequest, verifier: string, state: unknown, meta: StateMeta, done: Done): void {
    answer(this.seal(req, { verifier, state, callbackURL: meta.callbackURL, scope: meta.scope }, meta), done)
  }

  verify(req: AnyRequest, handle: string, meta: StateMeta, done: Done): void {
    answer(this.open(req, handle, meta), done)
  }

  private async seal(req: AnyRequest, signIn: SignIn, meta: StateMeta): Promise<string> {
    const handle = newHandle()
    const sealed = encrypt(JSON.stringify(signIn), keyFor(this.secrets[0] ?? '', handle, meta))
    const size = handle.length + sealed.length
    if (size > largestCookie) {
      throw new RangeError(
        `the app's state is too large for a cookie (${size} bytes sealed, at most ${largestCookie}); keep it on the server and pass its key as state`,
      )
    }
    const cookies = this.cookiesOf(req, meta)
    // the oldest go first: a handle begins with its time
    const handles = Object.keys(cookies.signIns).sort()
    const weigh = () => handles.reduce((sum, each) => sum + each.length + (cookies.signIns[each]?.length ?? 0), size)
    while (handles.length >= mostSignIns || (handles.length && weigh() > largestTogether)) cookies.set(handles.shift() ?? '', '', 0)
    cookies.set(handle, sealed, signInLifetime)
    return handle
  }

  private async open(req: AnyRequest, handle: string, meta: StateMeta): Promise<SignIn> {
    const cookies = this.cookiesOf(req, meta)
    const sealed = cookies.signIns[handle]
    const opened = sealed === undefined || !isHandle(handle) || hasExpired(handle) ? undefined : this.unseal(sealed, handle, meta)
    if (!opened) throw whyGone(handle, Object.keys(cookies.signIns).length, cookies.used.includes(handle), req, meta, 'cookie')
    cookies.set(handle, '', 0)
    cookies.set('used', [handle, ...cookies.used].slice(0, mostSignIns).join('~'), signInLifetime)
    return opened
  }

  private unseal(sealed: string, handle: string, meta: StateMeta): SignIn | undefined {
    for (const secret of this.secrets) {
      try {
        return JSON.parse(decrypt(sealed, keyFor(secret, handle, meta)))
      } catch {
        // sealed with another secret, for another sign-in, hub or client, or changed
      }
    }
    return undefined
  }

  /** The browser's cookies of sign-ins, and a way to set them beside those that the response has already. */
  private cookiesOf(req: AnyRequest, { callbackURL }: StateMeta) {
    const response = responseOf(req)
    if (!response) throw new Error('the response cannot be reached from this request, so no cookie can be set; use SessionStateStore')
    const secure = this.sameSite === 'none' || (callbackURL ?? originOf(req)).startsWith('https:')
    // a name with __Host- cannot be planted from another subdomain
    const prefix = secure ? '__Host-hf-signin.' : 'hf-signin.'
    const own = Object.entries(parse(req.headers?.cookie ?? '')).filter(([name]) => name.startsWith(prefix))
    const { used, ...signIns } = Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value ?? '']))
    const set = (name: string, value: string, lifetime: number) => {
      const attributes = {
        path: '/',
        httpOnly: true,
        sameSite: this.sameSite,
        secure,
        partitioned: this.partitioned,
        maxAge: lifetime / 1000,
      }
      const before = response.getHeader('Set-Cookie') ?? []
      response.setHeader('Set-Cookie', [
        ...(Array.isArray(before) ? before : [String(before)]),
        serialize(prefix + name, value, attributes),
      ])
    }
    return { signIns, used: used?.split('~') ?? [], set }
  }
}

/** A key for this sign-in alone, by HKDF: another sign-in, hub or client with the same secret gets another one. */
function keyFor(secret: string, handle: string, { authorizationURL, clientID }: StateMeta): Uint8Array {
  const purpose = createHash('sha256')
    .update(JSON.stringify([authorizationURL, clientID, handle]))
    .digest()
  return new Uint8Array(hkdfSync('sha256', secret, purpose, 'passport-huggingface sign-in', 32))
}

/** AES-256-GCM: initialization vector, ciphertext, tag. By node:crypto, since jose cannot be loaded in an app's own Jest tests, and these begin sign-ins. */
function encrypt(text: string, key: Uint8Array): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** Throws unless `key` made it, to the last bit. */
function decrypt(sealed: string, key: Uint8Array): string {
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAuthTag(bytes.subarray(-16))
  return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
}
