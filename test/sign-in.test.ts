import { HuggingFaceStrategy } from '../lib'
import { type Hub, startHub } from '../testing'
import { Browser, startApp } from './support/express-app'

/** The whole sign-in, over HTTP: an Express app, a browser's cookies, and an OpenID provider for the Hub. */
const redirectURIs = ['http://127.0.0.1/auth/huggingface/callback']
const confidential = { clientID: 'confidential', clientSecret: 'a secret: with + and / and %', redirectURIs }
const open = { clientID: 'public', redirectURIs }

let hub: Hub
beforeAll(async () => {
  hub = await startHub({ clients: [confidential, open] })
})
afterEach(() => {
  hub.faults = {}
})
afterAll(() => hub.close())

type App = Awaited<ReturnType<typeof startApp>>
const withApp = async (client: { clientID: string; clientSecret?: string }, use: (app: App) => Promise<void>) => {
  const { clientID, clientSecret } = client
  const app = await startApp(
    (callbackURL) =>
      new HuggingFaceStrategy(
        { clientID, clientSecret, callbackURL, hubURL: hub.url, scope: 'openid profile email', stateSecret: 'the state secret' },
        async (_accessToken, _refreshToken, profile) => profile,
      ),
  )
  await use(app).finally(app.close)
}

describe.each([confidential, open])('an Express app with a client that is $clientID', (client) => {
  test('signs a person in and gets their profile', () =>
    withApp(client, async (app) => {
      const browser = new Browser()
      const callback = await hub.signIn(await browser.begin(app.url, { state: { returnTo: '/models' } }), 'ada')
      expect(await browser.json(callback)).toMatchObject({
        status: 200,
        body: {
          user: {
            provider: 'huggingface',
            username: 'ada',
            displayName: 'Ada Moreno',
            emails: [{ value: 'ada@example.com', verified: true }],
            isPro: true,
          },
          info: { state: { returnTo: '/models' } },
        },
      })
    }))

  test('tells a person who denied what happened', () =>
    withApp(client, async (app) => {
      const browser = new Browser()
      const callback = await hub.signIn(await browser.begin(app.url), 'bo', { deny: true })
      expect(await browser.json(callback)).toEqual({ status: 403, body: { code: 'access_denied', message: 'The user denied the request' } })
    }))

  test('refuses a callback with another state, and the sign-in goes on', () =>
    withApp(client, async (app) => {
      const browser = new Browser()
      const callback = new URL(await hub.signIn(await browser.begin(app.url), 'ada'))
      const forged = new URL(callback)
      forged.searchParams.set('state', 'forged')
      expect(await browser.json(forged.href)).toMatchObject({ status: 403, body: { code: 'state_unknown' } })
      expect(await browser.json(callback.href)).toMatchObject({ status: 200 })
    }))

  test("refuses another browser's callback", () =>
    withApp(client, async (app) => {
      const callback = await hub.signIn(await new Browser().begin(app.url), 'ada')
      expect(await new Browser().json(callback)).toMatchObject({
        status: 403,
        body: { code: 'state_lost', message: expect.stringContaining('another browser') },
      })
    }))

  test('refuses a callback that is opened again, and says that it is done', () =>
    withApp(client, async (app) => {
      const browser = new Browser()
      const callback = await hub.signIn(await browser.begin(app.url), 'ada')
      expect(await browser.json(callback)).toMatchObject({ status: 200 })
      expect(await browser.json(callback)).toMatchObject({ status: 403, body: { code: 'state_used' } })
    }))

  test('does not mix up two people who sign in at once', () =>
    withApp(client, async (app) => {
      const people = ['ada', 'bo', 'chidi', 'dana', 'emi']
      const answers = await Promise.all(
        people.map(async (person) => {
          const browser = new Browser()
          return browser.json(await hub.signIn(await browser.begin(app.url), person))
        }),
      )
      expect(answers.map(({ body }) => (body as { user: { username: string } }).user.username)).toEqual(people)
    }))

  test('answers 502 where the code has expired, with the words of the Hub', () =>
    withApp(client, async (app) => {
      const browser = new Browser()
      const callback = await hub.signIn(await browser.begin(app.url), 'ada')
      hub.faults = { expireCode: true }
      expect(await browser.json(callback)).toMatchObject({
        status: 502,
        body: { name: 'TokenError', code: 'invalid_grant', phase: 'token' },
      })
      expect(app.errors[0]).toMatchObject({ hubStatus: 400, requestId: hub.requests.at(-1)?.requestId })
    }))
})

test('a wrong client secret is an error that says invalid_client', () =>
  withApp({ clientID: 'confidential', clientSecret: 'wrong' }, async (app) => {
    const browser = new Browser()
    const callback = await hub.signIn(await browser.begin(app.url), 'ada')
    expect(await browser.json(callback)).toMatchObject({ status: 502, body: { name: 'TokenError', code: 'invalid_client' } })
  }))
