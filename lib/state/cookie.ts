import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { parse, serialize } from 'cookie'
import { type HostRequest, originOf, responseOf } from '../framework'
import {
  beganAt,
  defaultMaxAge,
  isExpired,
  isHandle,
  maxSignIns,
  newHandle,
  notFound,
  type SignIn,
  type SignInStore,
} from './store'

export interface CookieStateStoreOptions {
  /**
   * Encrypts the cookies: a long random string. If you give a list, the first encrypts and all
   * decrypt, so you can rotate it.
   */
  secret: string | readonly string[]
  /** How long a person has to come back from the Hub, in milliseconds. Default one hour. */
  maxAge?: number | undefined
  /** `none` if the app runs in a frame of another site, such as a Space. Default `lax`. */
  sameSite?: 'lax' | 'none' | undefined
  /** Keep separate cookies for each site that frames the app (CHIPS). Default false. */
  partitioned?: boolean | undefined
}

/** Maximum size of one encrypted sign-in, in bytes. Browsers refuse cookies over 4096. */
const maxCookieSize = 3072

/** Maximum size of all of them together, in bytes. Node's limit for all headers is 16 KiB. */
const maxTotalSize = 3800

/** How many cookies one response removes at the most, whatever the browser sent. */
const maxRemovals = 10

/** `__Host-` stops other subdomains from setting the cookie. */
const securePrefix = '__Host-hf-signin.'
const plainPrefix = 'hf-signin.'

/**
 * Keeps each sign-in in progress encrypted (AES-256-GCM) in a cookie of its own. It needs no session
 * and works across multiple tabs and servers.
 */
export class CookieStateStore implements SignInStore {
  /** The first one encrypts. @internal */
  private readonly keys: readonly [KeyObject, ...KeyObject[]]
  /** @internal */
  private readonly maxAge: number
  /** @internal */
  private readonly sameSite: 'lax' | 'none'
  /** @internal */
  private readonly partitioned: boolean

  /** @throws {TypeError} if there is no secret */
  constructor(options: CookieStateStoreOptions) {
    const { secret, maxAge = defaultMaxAge, sameSite = 'lax', partitioned = false } = options
    const [newest, ...older] = typeof secret === 'string' ? [secret] : (secret ?? [])
    if (!newest || ![newest, ...older].every((each) => typeof each === 'string' && each !== '')) {
      throw new TypeError(
        'CookieStateStore needs a secret: a string, or a list with the newest first',
      )
    }
    this.keys = [deriveKey(newest), ...older.map(deriveKey)]
    this.maxAge = maxAge
    this.sameSite = sameSite
    this.partitioned = partitioned
  }

  /** Called by the strategy. */
  async save(req: HostRequest, signIn: SignIn): Promise<string> {
    const handle = newHandle()
    const value = encrypt(JSON.stringify(signIn), this.keys[0], handle)
    if (value.length > maxCookieSize) {
      const sizes = `${value.length} bytes encrypted, at most ${maxCookieSize}`
      throw new RangeError(`state is too large for a cookie (${sizes}); store it and pass its key`)
    }
    const prefix = this.prefixFor(signIn.callbackURL)
    const newestFirst = [...cookiesOf(req, prefix)].sort(([a], [b]) => beganAt(b) - beganAt(a))
    let count = 1
    let size = value.length
    const removed = newestFirst.filter(([, other]) => {
      count += 1
      size += other.length + prefix.length + handle.length + 3
      return count > maxSignIns || size > maxTotalSize
    })
    for (const [old] of removed.slice(0, maxRemovals)) this.setCookie(req, prefix + old, '', 0)
    this.setCookie(req, prefix + handle, value, this.maxAge)
    return handle
  }

  /** Called by the strategy. */
  async take(req: HostRequest, handle: string): Promise<SignIn> {
    // On https a plain name could come from another subdomain, so it is not considered.
    const prefixes = originOf(req)?.startsWith('https:')
      ? [securePrefix]
      : [securePrefix, plainPrefix]
    let others = 0
    for (const prefix of prefixes) {
      const cookies = cookiesOf(req, prefix)
      others += cookies.size
      const value = cookies.get(handle)
      const signIn = value && !isExpired(handle, this.maxAge) && this.decrypt(value, handle)
      if (!signIn || this.prefixFor(signIn.callbackURL) !== prefix) continue
      this.setCookie(req, prefix + handle, '', 0)
      return signIn
    }
    throw notFound(handle, this.maxAge, others)
  }

  /** @internal */
  private decrypt(value: string, handle: string): SignIn | undefined {
    for (const key of this.keys) {
      try {
        return JSON.parse(decrypt(value, key, handle)) as SignIn
      } catch {
        // encrypted with another secret, for another sign-in, or changed
      }
    }
    return undefined
  }

  /** @internal */
  private prefixFor(callbackURL: string): string {
    // SameSite=None and Partitioned are for Secure cookies only.
    const isSecure =
      this.sameSite === 'none' || this.partitioned || callbackURL.startsWith('https:')
    return isSecure ? securePrefix : plainPrefix
  }

  /** @internal */
  private setCookie(req: HostRequest, name: string, value: string, lifetime: number): void {
    const response = responseOf(req)
    if (!response) {
      throw new Error(
        'the response cannot be reached from the request, so no cookie can be set; set req.res = res before passport.authenticate',
      )
    }
    const cookie = serialize(name, value, {
      path: '/',
      httpOnly: true,
      sameSite: this.sameSite,
      secure: name.startsWith(securePrefix),
      partitioned: this.partitioned,
      maxAge: Math.ceil(lifetime / 1000),
    })
    const present = response.getHeader('Set-Cookie') ?? []
    response.setHeader('Set-Cookie', [present, cookie].flat().map(String))
  }
}

/** The browser's sign-ins in progress of one kind: handle to encrypted value. */
function cookiesOf(req: HostRequest, prefix: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(parse(req.headers?.cookie ?? ''))) {
    const handle = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    if (value !== undefined && isHandle(handle)) found.set(handle, value)
  }
  return found
}

/** With a label of its own, since the secret may serve other purposes too. */
function deriveKey(secret: string): KeyObject {
  const key = hkdfSync('sha256', secret, '', 'passport-huggingface sign-in', 32)
  return createSecretKey(Buffer.from(key))
}

/** Initialization vector, ciphertext and tag. The handle is authenticated with them. */
function encrypt(text: string, key: KeyObject, handle: string): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(handle))
  const parts = [iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(parts).toString('base64url')
}

/** @throws if the key or the handle differ, or a single bit was changed */
function decrypt(value: string, key: KeyObject, handle: string): string {
  const bytes = Buffer.from(value, 'base64url')
  const iv = bytes.subarray(0, 12)
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 })
  decipher.setAAD(Buffer.from(handle)).setAuthTag(bytes.subarray(-16))
  return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
}
