import http from 'node:http'
import http2 from 'node:http2'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Passport } from 'passport'
import { HuggingFaceStrategy } from '../../lib'
import type { Hub } from '../../testing'
import { Browser, CookieJar } from '../support/browser'
import { callbackPath, client, findUser, startAppsHub } from './battery'
import { listening } from './express'

let hub: Hub
beforeAll(async () => {
  hub = await startAppsHub()
})
afterAll(() => hub.close())
const strategy = () => new HuggingFaceStrategy({ ...client, hubURL: hub.url, callbackURL: callbackPath }, findUser)

/** Node's own server, which has no framework to link the response or to parse the query. */
function nodeListener() {
  const passport = new Passport()
  passport.use(strategy())
  const authenticate = passport.authenticate('huggingface', { session: false })
  return (req: object, res: http.ServerResponse | http2.Http2ServerResponse) => {
    Object.assign(req, { res })
    authenticate(req, res, (error?: Error) => {
      res.statusCode = error ? 500 : 200
      res.end(error?.message ?? JSON.stringify((req as { user: object }).user))
    })
  }
}

async function koaListener() {
  const { default: Koa } = await import('koa' as string)
  const { KoaPassport } = (await import('koa-passport' as string)).default
  const [app, passport] = [new Koa(), new KoaPassport()]
  passport.use(strategy())
  app.use(passport.authenticate('huggingface', { session: false }))
  app.use((context: { body: unknown; state: { user: object } }) => {
    context.body = context.state.user
  })
  return app.callback()
}

type Get = (url: string) => Promise<{ status: number; location?: string | undefined; text: string }>

/** A browser that speaks HTTP/2, where the host is in `:authority`. */
function http2Browser(session: http2.ClientHttp2Session, origin: string): Get {
  const jar = new CookieJar()
  return async (url) => {
    const { pathname, search } = new URL(url, origin)
    const stream = session.request({ ':path': pathname + search, cookie: jar.header(origin) })
    const headers = await new Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader>((resolve) =>
      stream.on('response', resolve),
    )
    jar.keep(origin, headers['set-cookie'] ?? [])
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    return { status: Number(headers[':status']), location: headers.location, text }
  }
}

async function signsIn(get: Get, origin: string): Promise<void> {
  const begin = async () => {
    const { location = '' } = await get('/sign-in')
    expect(new URL(location).searchParams.get('redirect_uri')).toBe(`${origin}${callbackPath}`)
    return location
  }
  expect(await get(await hub.signIn(await begin(), 'bo', { deny: true }))).toMatchObject({ status: 403 })
  const callback = await hub.signIn(await begin(), 'ada')
  expect(await get(callback)).toMatchObject({ status: 200, text: expect.stringContaining('"username":"ada"') })
  expect(await get(callback)).toMatchObject({ status: 403 })
  expect(await get(`${callbackPath}?code=a&code=b&state=s`)).toMatchObject({ status: 400 })
}

test('node:http signs a person in', async () => {
  const { port, close } = await listening(http.createServer(nodeListener()))
  const browser = new Browser(port)
  await signsIn((url) => browser.visit(url), browser.origin)
  await close()
})

test.each([
  ['node:http2', async () => nodeListener()],
  ['Koa over HTTP/2', koaListener],
])('%s signs a person in', async (_, makeListener) => {
  const { port, close } = await listening(http2.createServer(await makeListener()) as unknown as http.Server)
  const origin = `http://127.0.0.1:${port}`
  const session = http2.connect(origin)
  try {
    await signsIn(http2Browser(session, origin), origin)
  } finally {
    session.destroy()
    await close()
  }
})
