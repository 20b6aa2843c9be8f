import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { parse, serialize } from 'cookie'
import { assertSignIn } from '../errors'
import { type HostRequest, isHTTPS, responseIsMissing, responseOf } from '../framework'
import {
  checkHandle,
  checkMaxAge,
  excess,
  isHandle,
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

/** Maximum size of all of them together, in characters. Node's limit for all headers is 16 KiB. */
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
  private readonly keys: readonly KeyObject[]
  /** @internal */
  private readonly maxAge: number
  /** @internal */
  private readonly attributes: { sameSite: 'lax' | 'none'; partitioned: boolean }

  /** @throws {TypeError} if there is no secret */
  constructor(options: CookieStateStoreOptions) {
    const { secret, maxAge, sameSite = 'lax', partitioned = false } = options
    const secrets = [secret ?? []].flat()
    if (secrets.length === 0 || !secrets.every((each) => typeof each === 'string' && each !== '')) {
      throw new TypeError('CookieStateStore needs a secret, or a list with the newest first')
    }
    this.keys = secrets.map(deriveKey)
    this.maxAge = checkMaxAge(maxAge)
    this.attributes = { sameSite, partitioned }
  }

  /** Called by the strategy. */
  async save(req: HostRequest, signIn: SignIn): Promise<string> {
    const handle = newHandle()
    const prefix = this.prefixFor(signIn)
    const value = encrypt(JSON.stringify(signIn), this.keys[0] as KeyObject, prefix + handle)
    if (value.length > maxCookieSize) {
      const sizes = `${value.length} bytes encrypted, at most ${maxCookieSize}`
      throw new RangeError(`state is too large for a cookie (${sizes}); store it and pass its key`)
    }
    const present = signInsIn(cookiesOf(req), prefix)
    const old = excess(present, maxTotalSize - value.length)
    for (const each of old.slice(-maxRemovals)) this.setCookie(req, prefix + each, '', 0)
    this.setCookie(req, prefix + handle, value, this.maxAge)
    return handle
  }

  /** Called by the strategy. */
  async take(req: HostRequest, handle: string): Promise<SignIn> {
    checkHandle(handle, this.maxAge)
    const cookies = cookiesOf(req)
    const name = [securePrefix + handle, plainPrefix + handle].find((each) => cookies[each])
    const value = name && cookies[name]
    // Another subdomain can set a plain cookie, so it does not count on https.
    if (name && value && (name.startsWith(securePrefix) || !isHTTPS(req))) {
      const signIn = this.decrypt(value, name)
      const detail = 'Its cookie cannot be decrypted; is the secret the same on all servers?'
      assertSignIn(signIn, 'state_unknown', detail)
      this.setCookie(req, name, '', 0)
      return signIn
    }
    const others = signInsIn(cookies, securePrefix).size + signInsIn(cookies, plainPrefix).size
    throw notFound(req, others)
  }

  /** @internal */
  private decrypt(value: string, name: string): SignIn | undefined {
    for (const key of this.keys) {
      try {
        const bytes = Buffer.from(value, 'base64url')
        const options = { authTagLength: 16 }
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), options)
        decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(-16))
        const text = decipher.update(bytes.subarray(12, -16), undefined, 'utf8')
        decipher.final()
        return JSON.parse(text) as SignIn
      } catch {
        // encrypted with another secret, for another cookie, or changed
      }
    }
    return undefined
  }

  /** @internal */
  private prefixFor({ callbackURL }: SignIn): string {
    // SameSite=None and Partitioned are for Secure cookies only.
    const { sameSite, partitioned } = this.attributes
    const isSecure = sameSite === 'none' || partitioned || callbackURL.startsWith('https:')
    return isSecure ? securePrefix : plainPrefix
  }

  /** @internal */
  private setCookie(req: HostRequest, name: string, value: string, lifetime: number): void {
    const response = responseOf(req)
    if (!response) throw new Error(`no cookie can be set; ${responseIsMissing}`)
    const secure = name.startsWith(securePrefix)
    const maxAge = Math.ceil(lifetime / 1000)
    const attributes = { ...this.attributes, path: '/', httpOnly: true, secure, maxAge }
    const cookie = serialize(name, value, attributes)
    const present = (response.getHeader('Set-Cookie') ?? []) as string | string[]
    response.setHeader('Set-Cookie', ([] as string[]).concat(present, cookie))
  }
}

const cookiesOf = (req: HostRequest) => parse(req.headers.cookie ?? '')

/** The sign-ins in progress of one kind among the cookies: handle to encrypted value. */
function signInsIn(cookies: object, prefix: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value = ''] of Object.entries(cookies)) {
    const handle = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    if (isHandle(handle)) found.set(handle, value)
  }
  return found
}

/** With a label of its own, since the secret may serve other purposes too. */
function deriveKey(secret: string): KeyObject {
  const key = hkdfSync('sha256', secret, '', 'passport-huggingface sign-in', 32)
  return createSecretKey(Buffer.from(key))
}

/** Initialization vector, ciphertext and tag. The name of the cookie is authenticated with them. */
function encrypt(text: string, key: KeyObject, name: string): string {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name))
  const parts = [iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(parts).toString('base64url')
}
