import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import createFastify from 'fastify'
import { HuggingFaceStrategy } from '../../lib'
import { type Hub, startHub } from '../../testing'
import { findUser } from './battery'
import { Browser, CookieJar } from './browser'

const client = { clientID: 'an-app', clientSecret: 'the secret of an app' }
let hub: Hub
beforeAll(async () => {
  hub = await startHub({ clients: [{ ...client, redirectURIs: ['http://localhost/callback', 'http://127.0.0.1/callback'] }] })
})
afterAll(() => hub.close())
const strategy = () => new HuggingFaceStrategy({ ...client, hubURL: hub.url, callbackURL: '/callback' }, findUser)

test('Fastify without a session is an error that names both cures', async () => {
  const app = createFastify()
  const begin = strategy()
  app.get('/sign-in', async (request) => {
    return new Promise((resolve, reject) => {
      Object.assign(Object.create(begin), { redirect: resolve, fail: reject, error: reject }).authenticate(request)
    })
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { status, text } = await new Browser((app.server.address() as AddressInfo).port).visit('/sign-in')
  expect(status).toBe(500)
  expect(text).toMatch(/stateSecret.*session middleware/)
  await app.close()
})

test.each(['Koa', 'Node itself'])('%s over HTTP/2, where the host is in :authority', async (framework) => {
  const server = http2.createServer(framework === 'Koa' ? await koaListener() : nodeListener())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const session = http2.connect(origin)
  const jar = new CookieJar()
  const get = (path: string) =>
    new Promise<{ status: number; location: string; text: string }>((resolve, reject) => {
      const stream = session.request({ ':path': path, cookie: jar.header(origin) })
      let text = ''
      let answer: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {}
      stream.on('response', (headers) => {
        answer = headers
        jar.keep(origin, headers['set-cookie'] ?? [])
      })
      stream.setEncoding('utf8')
      stream.on('data', (chunk) => {
        text += chunk
      })
      stream.on('error', reject)
      stream.on('end', () => resolve({ status: Number(answer[':status']), location: String(answer['location']), text }))
    })
  try {
    const { location } = await get('/sign-in')
    expect(new URL(location).searchParams.get('redirect_uri')).toBe(`${origin}/callback`)
    const callback = new URL(await hub.signIn(location, 'ada'))
    expect(await get(callback.pathname + callback.search)).toMatchObject({ status: 200, text: 'ada' })
  } finally {
    session.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

function nodeListener() {
  const registered = strategy()
  return (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => {
    const actions = {
      redirect: (location: string) => res.writeHead(302, { location }).end(),
      success: ({ username }: { username: string }) => res.end(username),
      fail: (info: object, status: number) => res.writeHead(status).end(JSON.stringify(info)),
      error: (error: Error) => res.writeHead(500).end(error.message),
    }
    const perRequest: HuggingFaceStrategy = Object.assign(Object.create(registered), actions)
    perRequest.authenticate(Object.assign(req, { res }) as never)
  }
}

async function koaListener() {
  const { default: Koa } = await import('koa' as string)
  const {
    default: { KoaPassport },
  } = await import('koa-passport' as string)
  const app = new Koa()
  const passport = new KoaPassport()
  passport.use(strategy())
  app.use(passport.authenticate('huggingface', { session: false }))
  app.use((context: { body: string; state: { user: { username: string } } }) => {
    context.body = context.state.user.username
  })
  return app.callback()
}
