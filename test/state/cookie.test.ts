import { afterEach, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { CookieStateStore } from '../../lib'
import { callbackURL, meta, Person, verifier } from './person'

const secret = 'a secret of more than sixteen characters'
const store = new CookieStateStore({ secret })
const begunBy = async (person: Person, state?: unknown) => {
  const handle = await person.begin(store, state)
  return { handle, sealed: person.sealed[handle] ?? '' }
}

const setClock = (time: string) => jest.spyOn(Date, 'now').mockReturnValue(Date.parse(time))
afterEach(() => {
  jest.restoreAllMocks()
})

describe('what the app hands over', () => {
  test('comes back: the verifier, and any JSON as the app state', () =>
    fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 2 }), async (state) => {
        const person = new Person()
        const answer = await person.finish(store, await person.begin(store, state))
        expect(answer).toMatchObject({ verifier, kept: { callbackURL } })
        expect(answer.state).toEqual(JSON.parse(JSON.stringify(state)))
      }),
      { numRuns: 50 },
    ))

  test('comes back without an app state', async () => {
    const person = new Person()
    expect(await person.finish(store, await person.begin(store))).toMatchObject({ verifier, state: undefined })
  })

  test.each([['a long string', 'x'.repeat(4000)] as const, ['a large object', { list: Array(500).fill('models') }] as const])(
    'is refused at the start where it is too large for a cookie: %s',
    async (_, state) => {
      const person = new Person()
      await expect(person.begin(store, state)).rejects.toThrow(/state is too large for a cookie \(\d+ bytes sealed, at most \d+\)/)
      expect(person.jar.header(callbackURL)).toBe('')
    },
  )

  test('is either refused at the start or comes back, whatever its size', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1500, max: 3500 }), async (size) => {
        const person = new Person()
        const state = '抱'.repeat(size / 3)
        let handle: string
        try {
          handle = await person.begin(store, state)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
          return
        }
        expect(await person.finish(store, handle)).toMatchObject({ state })
      }),
      { numRuns: 30 },
    ))

  test('a value that JSON does not have is an error at the start', async () => {
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    await expect(new Person().begin(store, cyclic)).rejects.toThrow(TypeError)
    await expect(new Person().begin(store, 1n)).rejects.toThrow(TypeError)
  })
})

describe('a sealed cookie', () => {
  test('shows neither the verifier nor the app state, in any encoding', async () => {
    const { handle, sealed } = await begunBy(new Person(), { returnTo: '/private-page' })
    const readings = ['utf8', 'base64', 'base64url', 'hex', 'latin1'].map((encoding) =>
      Buffer.from(sealed, encoding as BufferEncoding).toString('latin1'),
    )
    for (const reading of [sealed, handle, ...readings]) {
      for (const content of [verifier, 'private-page', 'returnTo', 'app.example', secret]) expect(reading).not.toContain(content)
    }
  })

  test('is another one each time, for the same content', async () => {
    const [one, two] = [await begunBy(new Person(), 'same'), await begunBy(new Person(), 'same')]
    expect(one.handle).not.toBe(two.handle)
    expect(one.sealed).not.toBe(two.sealed)
  })

  test('does not open once a single bit of it has changed', async () => {
    const person = new Person()
    const { handle, sealed } = await begunBy(person, { returnTo: '/' })
    const bytes = Buffer.from(sealed, 'base64url')
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(bytes)
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at)
        person.replant(handle, changed.toString('base64url'))
        expect((await person.finish(store, handle)).info).toMatchObject({ code: 'state_unknown' })
      }),
      { numRuns: 200 },
    )
    person.replant(handle, sealed)
    expect(await person.finish(store, handle)).toMatchObject({ verifier })
  })

  test('does not open cut short, made longer, or replaced by anything else', async () => {
    const person = new Person()
    const { handle, sealed } = await begunBy(person)
    const bytes = Buffer.from(sealed, 'base64url')
    const other = fc.oneof(
      fc.nat(bytes.length - 1).map((length) => bytes.subarray(0, length)),
      fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => Buffer.concat([bytes, more])),
      fc.uint8Array({ maxLength: 300 }).map((any) => Buffer.from(any)),
    )
    await fc.assert(
      fc.asyncProperty(other, async (value) => {
        person.replant(handle, value.toString('base64url'))
        expect((await person.finish(store, handle)).info).toMatchObject({ code: 'state_unknown' })
      }),
      { numRuns: 200 },
    )
  })

  test('does not open another sign-in, under whose name it was put', async () => {
    const person = new Person()
    const [one, two] = [await begunBy(person, 'one'), await begunBy(person, 'two')]
    person.replant(one.handle, two.sealed)
    expect((await person.finish(store, one.handle)).info).toMatchObject({ code: 'state_unknown' })
    person.replant('made-up', two.sealed)
    expect((await person.finish(store, 'made-up')).info).toMatchObject({ code: 'state_unknown' })
    expect(await person.finish(store, two.handle)).toMatchObject({ state: 'two' })
  })

  test.each([
    ['hub', { authorizationURL: 'https://another-hub.example/oauth/authorize' }],
    ['client', { clientID: 'another-app' }],
  ])('does not open for another %s with the same secret', async (_, other) => {
    const person = new Person()
    const { handle } = await begunBy(person)
    expect((await person.finish(store, handle, { meta: { ...meta, ...other } })).info).toMatchObject({ code: 'state_unknown' })
    expect(await person.finish(store, handle)).toMatchObject({ verifier })
  })

  test('does not open with another secret', async () => {
    const person = new Person()
    const { handle } = await begunBy(person)
    const guesses = [`${secret} `, secret.slice(1), secret.toUpperCase(), 'x']
    for (const guess of guesses) {
      expect((await person.finish(new CookieStateStore({ secret: guess }), handle)).info).toMatchObject({ code: 'state_unknown' })
    }
    expect((await person.finish(new CookieStateStore({ secret: guesses }), handle)).info).toMatchObject({ code: 'state_unknown' })
  })

  test('opens with an old secret that is still in the list, while the first one seals', async () => {
    const rotated = new CookieStateStore({ secret: ['the new secret', secret] })
    const person = new Person()
    const { handle } = await begunBy(person)
    expect(await person.finish(rotated, handle)).toMatchObject({ verifier })

    const later = await person.begin(rotated)
    expect((await person.finish(store, later)).info).toMatchObject({ code: 'state_unknown' })
    expect(await person.finish(new CookieStateStore({ secret: 'the new secret' }), later)).toMatchObject({ verifier })
  })

  test.each([[''], [[]], [['a secret', '']], [undefined], [null]])('needs a secret, and %j is none', (none) => {
    expect(() => new CookieStateStore({ secret: none as string })).toThrow(/needs a secret/)
  })
})

describe('the attributes', () => {
  test('bind the cookie to this host and to https, where the callback is https', async () => {
    const person = new Person()
    const { handle } = await begunBy(person)
    expect(person.jar.sentTo(callbackURL).map(([name]) => name)).toEqual([`__Host-hf-signin.${handle}`])
    const { setCookie } = await person.finish(store, handle)
    const [again] = await cookiesAtStart({})
    for (const line of [...setCookie, again]) {
      expect(line).toMatch(/^__Host-hf-signin\.[\w.-]+=/)
      expect(attributesOf(line)).toMatchObject({ httponly: '', secure: '', path: '/', samesite: 'Lax' })
      expect(attributesOf(line)).not.toHaveProperty('domain')
      expect(attributesOf(line)).not.toHaveProperty('partitioned')
    }
    expect(attributesOf(again)).toMatchObject({ 'max-age': '600' })
  })

  test('let it work over http on a machine of one’s own', async () => {
    const local = { address: 'http://localhost:3000/auth', meta: { ...meta, callbackURL: 'http://localhost:3000/callback' } }
    const person = new Person()
    const handle = await person.begin(store, undefined, local)
    expect(person.jar.sentTo(local.address).map(([name]) => name)).toEqual([`hf-signin.${handle}`])
    expect(await person.finish(store, handle, local)).toMatchObject({ verifier })
  })

  test('SameSite=None and Partitioned for an app in a frame, also when the cookie is removed', async () => {
    const framed = new CookieStateStore({ secret, sameSite: 'none', partitioned: true })
    const person = new Person()
    const handle = await person.begin(framed)
    const { setCookie, ...answer } = await person.finish(framed, handle)
    expect(answer).toMatchObject({ verifier })
    for (const line of setCookie) expect(attributesOf(line)).toMatchObject({ samesite: 'None', secure: '', partitioned: '' })
    expect(person.sealed).toEqual({})
  })

  async function cookiesAtStart(options: object): Promise<[string]> {
    const person = new Person()
    const lines: string[] = []
    const keep = person.jar.keep.bind(person.jar)
    person.jar.keep = (address, all) => {
      lines.push(...all)
      keep(address, all)
    }
    await person.begin(new CookieStateStore({ secret, ...options }))
    expect(lines).toHaveLength(1)
    return [lines[0] ?? '']
  }

  function attributesOf(line = ''): Record<string, string> {
    const attributes = line.split('; ').slice(1)
    return Object.fromEntries(
      attributes.map((attribute) => {
        const [name = '', value = ''] = attribute.split('=')
        return [name.toLowerCase(), value]
      }),
    )
  }

  test('a cookie without __Host-, which another subdomain could have planted, is not accepted for an https callback', async () => {
    const [attacker, person] = [new Person(), new Person()]
    const { handle, sealed } = await begunBy(attacker, 'attacker')
    person.jar.set(callbackURL, `hf-signin.${handle}`, sealed)
    expect((await person.finish(store, handle)).info).toMatchObject({ code: 'state_unknown' })

    const insecure = { address: 'http://app.example/auth', meta: { ...meta, callbackURL: 'http://app.example/auth/huggingface/callback' } }
    const planted = await attacker.begin(store, 'attacker', insecure)
    person.jar.set(callbackURL, `hf-signin.${planted}`, attacker.jar.sentTo(insecure.address)[0]?.[1] ?? '')
    expect((await person.finish(store, planted)).info).toMatchObject({ code: 'state_unknown' })
  })

  test('follow the callback URL of the sign-in, where one request asked for another than the strategy has', async () => {
    const person = new Person()
    const usual = { ...meta, callbackURL: 'http://localhost:3000/callback' }
    const handle = await person.begin(store, undefined, { meta: { ...meta, callbackURL } })
    expect(await person.finish(store, handle, { meta: usual })).toMatchObject({ verifier, kept: { callbackURL } })
  })
})

describe('cookies beside it', () => {
  test.each([
    ['one', 'theme=dark; Path=/'],
    ['several', ['theme=dark; Path=/', 'lang=en; Path=/']],
  ])('%s that the response has already stay', async (_, setCookie) => {
    const person = new Person()
    const handle = await person.begin(store, undefined, { setCookie })
    const answer = await person.finish(store, handle, { setCookie })
    expect(answer.setCookie).toEqual(expect.arrayContaining([setCookie].flat()))
    expect(person.jar.header(callbackURL)).toContain('theme=dark')
    expect(person.sealed).toEqual({})
  })

  test('those of others in the request are neither changed nor removed', async () => {
    const person = new Person()
    for (const name of ['sid', 'hf-signin', '__Host-hf-signin', '__Host-hf-signinX', '__proto__'])
      person.jar.set(callbackURL, name, 'theirs')
    const before = person.jar.header(callbackURL)
    for (let count = 0; count < 8; count++) await person.begin(store)
    expect(person.jar.header(callbackURL)).toContain(before)
  })

  test('odd ones with our prefix do not stand in the way', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }), { maxLength: 6 }), async (names) => {
        const planted = names.map((name) => `__Host-hf-signin.${name.replaceAll(/[;=]/g, '')}=1`).join('; ')
        const person = new Person()
        const headers = { cookie: planted }
        const handle = await person.begin(store, 'mine', { headers })
        expect(await person.finish(store, handle)).toMatchObject({ state: 'mine' })
      }),
      { numRuns: 100 },
    ))
})

describe('several sign-ins', () => {
  test('end in any order, each with its own state', () =>
    fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), async (order) => {
        const person = new Person()
        const handles: string[] = []
        for (const tab of [0, 1, 2, 3, 4]) handles.push(await person.begin(store, { tab }))
        for (const tab of order) expect(await person.finish(store, handles[tab] ?? '')).toMatchObject({ state: { tab } })
        expect(person.sealed).toEqual({})
      }),
      { numRuns: 20 },
    ))

  test('twelve abandoned ones leave the latest five, in less than 4 KB of cookies', async () => {
    const person = new Person()
    const handles: string[] = []
    for (let count = 0; count < 12; count++) handles.push(await person.begin(store, { returnTo: '/models' }))
    expect(Object.keys(person.sealed).sort()).toEqual(handles.slice(-5).sort())
    expect(person.jar.header(callbackURL).length).toBeLessThan(4096)
    for (const handle of handles.slice(0, -5)) {
      expect((await person.finish(store, handle)).info).toMatchObject({ code: 'state_unknown', message: expect.stringContaining('five') })
    }
    for (const handle of handles.slice(-5)) expect(await person.finish(store, handle)).toMatchObject({ verifier })
  })

  test('stay below 4 KB of cookies whatever the size of their states, and the latest always ends', () => {
    const visits = fc.array(fc.record({ size: fc.integer({ min: 0, max: 2000 }), finishes: fc.boolean() }), { minLength: 6, maxLength: 15 })
    return fc.assert(
      fc.asyncProperty(visits, async (all) => {
        const person = new Person()
        for (const { size, finishes } of all) {
          const handle = await person.begin(store, 'x'.repeat(size))
          expect(person.jar.header(callbackURL).length).toBeLessThan(4096)
          expect(Object.keys(person.sealed).length).toBeLessThanOrEqual(5)
          if (finishes) expect(await person.finish(store, handle)).toMatchObject({ verifier })
          expect(person.jar.header(callbackURL).length).toBeLessThan(4096)
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('a callback', () => {
  test('removes the sign-in that it ends', async () => {
    const person = new Person()
    const { handle, sealed } = await begunBy(person)
    await person.finish(store, handle)
    expect(person.sealed).toEqual({})
    expect((await person.finish(store, handle)).info).toMatchObject({ code: 'state_used', message: expect.stringContaining('reloaded') })
    // a browser that keeps it all the same is one that can replay anything; the Hub refuses the code then
    person.replant(handle, sealed)
    expect(await person.finish(store, handle)).toMatchObject({ verifier })
  })

  test('that is forged removes nothing', async () => {
    const person = new Person()
    const { handle } = await begunBy(person)
    const before = person.jar.header(callbackURL)
    for (const forged of ['', 'x', `${handle}x`, handle.slice(0, -1), '__proto__', 'constructor', 'used', '../../', `${handle}; Path=/`]) {
      const answer = await person.finish(store, forged)
      expect(answer).toMatchObject({ info: { code: 'state_unknown' }, setCookie: [] })
    }
    expect(person.jar.header(callbackURL)).toBe(before)
    expect(await person.finish(store, handle)).toMatchObject({ verifier })
  })

  test('within ten minutes is in time, and later it has expired even for a browser that kept the cookie', async () => {
    setClock('2026-11-22T12:00:00Z')
    const person = new Person()
    const [prompt, late, kept] = [await begunBy(person), await begunBy(person), await begunBy(person)]
    setClock('2026-11-22T12:09:58Z')
    expect(await person.finish(store, prompt.handle)).toMatchObject({ verifier })
    setClock('2026-11-22T12:10:02Z')
    const expired = { code: 'state_expired', message: expect.stringContaining('10 minutes') }
    expect((await person.finish(store, late.handle)).info).toMatchObject(expired)
    person.replant(kept.handle, kept.sealed)
    expect((await person.finish(store, kept.handle)).info).toMatchObject(expired)
  })
})

test('a response that cannot be reached is an error that says so', async () => {
  const done = new Promise<unknown>((resolve) => store.store({ headers: {} }, verifier, undefined, meta, resolve))
  expect(await done).toMatchObject({ message: expect.stringContaining('SessionStateStore') })
})
