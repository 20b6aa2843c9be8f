import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
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

/** Bytes of one sealed sign-in, and of all that a browser sends back together; a mark of those that are done comes on top. */
const largestSealed = 3072
const largestTogether = 3800

/** A name with `__Host-` cannot be planted from another subdomain. */
const securePrefix = '__Host-hf-signin.'
const plainPrefix = 'hf-signin.'

/**
 * Keeps each sign-in in progress sealed (A256GCM) in a cookie of its own, so it needs no session and no server of its own: several tabs and any number of servers work.
 *
 * @throws {TypeError} where there is no secret
 */
export class CookieStateStore implements StateStore {
  /** The first one seals. */
  private readonly keys: readonly [KeyObject, ...KeyObject[]]
  private readonly sameSite: 'lax' | 'none'
  private readonly partitioned: boolean

  constructor({ secret, sameSite = 'lax', partitioned = false }: CookieStateStoreOptions) {
    const [newest, ...older] = typeof secret === 'string' ? [secret] : [...(secret ?? [])]
    if (newest === undefined || ![newest, ...older].every((each) => typeof each === 'string' && each !== '')) {
      throw new TypeError('CookieStateStore needs a secret: a string, or a list of strings with the newest first')
    }
    this.keys = [keyFrom(newest), ...older.map(keyFrom)]
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
    const sealed = encrypt(JSON.stringify(signIn), this.keys[0], belonging(handle, meta))
    if (sealed.length > largestSealed) {
      const sizes = `${sealed.length} bytes sealed, at most ${largestSealed}`
      throw new RangeError(`the app's state is too large for a cookie (${sizes}); keep it on the server and pass its key as state`)
    }
    const name = this.prefixFor(req, meta.callbackURL) + handle
    const { signIns } = ownCookies(req)
    // the oldest go first: a handle begins with its time
    const others = [...signIns].sort(([a], [b]) => (handleIn(a) < handleIn(b) ? -1 : 1))
    const together = () => [...others, [name, sealed] as const].reduce((sum, [each, value]) => sum + each.length + value.length + 3, 0)
    while (others.length >= mostSignIns || (others.length && together() > largestTogether)) {
      this.set(req, String(others.shift()?.[0]), '', 0)
    }
    this.set(req, name, sealed, signInLifetime)
    return handle
  }

  private async open(req: AnyRequest, handle: string, meta: StateMeta): Promise<SignIn> {
    const { signIns, used } = ownCookies(req)
    // over https a plain name, which somebody could have planted, is not even looked at
    for (const prefix of originOf(req)?.startsWith('https:') ? [securePrefix] : [securePrefix, plainPrefix]) {
      const sealed = signIns.get(prefix + handle)
      const signIn = sealed === undefined || hasExpired(handle) ? undefined : this.unseal(sealed, handle, meta)
      if (!signIn || this.prefixFor(req, signIn.callbackURL) !== prefix) continue
      this.set(req, prefix + handle, '', 0)
      this.set(req, `${prefix}used`, [handle, ...used].slice(0, mostSignIns).join('~'), signInLifetime)
      return signIn
    }
    throw whyGone(handle, signIns.size, used.includes(handle), req, meta, 'cookie')
  }

  private unseal(sealed: string, handle: string, meta: StateMeta): SignIn | undefined {
    for (const key of this.keys) {
      try {
        return JSON.parse(decrypt(sealed, key, belonging(handle, meta)))
      } catch {
        // sealed with another secret, for another sign-in, hub or client, or changed
      }
    }
    return undefined
  }

  private prefixFor(req: AnyRequest, callbackURL: string | undefined): string {
    return this.sameSite === 'none' || (callbackURL ?? originOf(req))?.startsWith('https:') ? securePrefix : plainPrefix
  }

  /** Beside the cookies that the response has already. */
  private set(req: AnyRequest, name: string, value: string, lifetime: number): void {
    const response = responseOf(req)
    if (!response) throw new Error('the response cannot be reached from this request, so no cookie can be set; use SessionStateStore')
    const { sameSite, partitioned } = this
    const secure = name.startsWith(securePrefix)
    const cookie = serialize(name, value, { path: '/', httpOnly: true, sameSite, secure, partitioned, maxAge: lifetime / 1000 })
    response.setHeader('Set-Cookie', [response.getHeader('Set-Cookie') ?? [], cookie].flat().map(String))
  }
}

/** The browser's sign-ins in progress by cookie name, and the handles of those that are done. */
function ownCookies(req: AnyRequest): { signIns: Map<string, string>; used: string[] } {
  const all = Object.entries(parse(req.headers?.cookie ?? '')).map(([name, value = '']) => [name, value] as const)
  const used = all.filter(([name]) => /^(__Host-)?hf-signin\.used$/.test(name)).flatMap(([, value]) => value.split('~'))
  return { signIns: new Map(all.filter(([name]) => isHandle(handleIn(name)))), used: used.filter(isHandle) }
}

/** What stands behind one of our prefixes; nothing for another name. */
function handleIn(name: string): string {
  return /^(?:__Host-)?hf-signin\.(.*)$/.exec(name)?.[1] ?? ''
}

/** By HKDF, with a label of its own: the secret serves other purposes too. */
function keyFrom(secret: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'passport-huggingface sign-in', 32)))
}

/** What a sealed sign-in belongs to; for another handle, hub or client it does not open. */
function belonging(handle: string, { authorizationURL, clientID }: StateMeta): Buffer {
  return Buffer.from(JSON.stringify([authorizationURL, clientID, handle]))
}

/** AES-256-GCM: initialization vector, ciphertext, tag. By node:crypto, since jose cannot be loaded in an app's own Jest tests, and these begin sign-ins. */
function encrypt(text: string, key: KeyObject, belongsTo: Buffer): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(belongsTo)
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** Throws unless `key` made it for the same, to the last bit. */
function decrypt(sealed: string, key: KeyObject, belongsTo: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(belongsTo).setAuthTag(bytes.subarray(-16))
  return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
}
