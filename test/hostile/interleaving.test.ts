import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, jest, test } from '@jest/globals'
import { type Hub, startHub } from '../../testing/index'
import { type Behaviour, type Json, type RawHub, type RawRequest, respond } from '../support/raw-hub'
import { startApp, visit } from './app'
import { finallyDo, startRawHub, strategyFor, watchSignIns } from './sign-in'

watchSignIns()

// for machines that have much else to do
jest.setTimeout(30_000)

const people = Array.from({ length: 200 }, (_, number) => `person-${number}`)

const subOf = (person: string) => createHash('sha256').update(person).digest('hex').slice(0, 24)

/** A few milliseconds, so that what began first does not end first. */
const jitter = () => sleep(Math.random() * 30)

/** A hub where the code says who signs in, and the access token too; everybody is answered after a time of their own. */
async function jitteringHub(): Promise<RawHub> {
  const hub = await startRawHub({ keepAlive: true })
  finallyDo(() => hub.hangUp())
  const late =
    (answer: (request: RawRequest) => Json): Behaviour =>
    async (socket, request) => {
      await jitter()
      respond(answer(request), { keepAlive: true })(socket, request, hub)
    }
  hub.answers.token = late((request) => {
    const person = String(request.form.get('code')).split('.')[0] ?? ''
    if (Number(person.split('-')[1]) % 10 === 9) return { error: 'invalid_grant', error_description: `not you, ${person}` }
    return { ...hub.tokens(request, { sub: subOf(person) }), access_token: hub.secret(`${person}.`) }
  })
  hub.answers.userinfo = late((request) => {
    const person = request.headers['authorization']?.slice('Bearer '.length).split('.')[0] ?? ''
    return { ...hub.userinfo(), sub: subOf(person), preferred_username: person }
  })
  return hub
}

test.each(['name', 'instance'] as const)(
  'two hundred people who sign in at once, by %s of the strategy, each get their own answer',
  async (by) => {
    const hub = await jitteringHub()
    const { strategy, verified } = strategyFor(hub)
    const app = await startApp(strategy, by)
    const answers = await Promise.all(
      people.map(async (person) => {
        await jitter()
        const { location, cookie } = await visit(`${app.url}/auth/huggingface?who=${person}`)
        await jitter()
        const query = new URLSearchParams({ code: hub.secret(`${person}.`), state: new URL(location).searchParams.get('state') ?? '' })
        const { status, json } = await visit(`${app.url}/auth/huggingface/callback?${query}`, cookie)
        return { person, status, body: json() }
      }),
    )
    expect(answers).toEqual(
      people.map((person, number) =>
        number % 10 === 9
          ? { person, status: 502, body: { code: 'invalid_grant', phase: 'token' } }
          : {
              person,
              status: 200,
              body: { user: expect.objectContaining({ id: subOf(person), username: person }), info: { state: { who: person } } },
            },
      ),
    )
    expect(verified).toHaveLength(180)
    expect(app.errors.map(({ message }) => message).sort()).toEqual(
      people
        .filter((_, number) => number % 10 === 9)
        .map((person) => `not you, ${person}`)
        .sort(),
    )
  },
)

test('people who sign in at once at the local Hub each get their own answer', async () => {
  const residents = people.slice(0, 20).map((username) => ({ username, sub: subOf(username) }))
  const hub: Hub = await startHub({ people: residents })
  finallyDo(() => hub.close())
  const [{ clientID, clientSecret }] = hub.clients
  const { strategy } = strategyFor(hub, { clientID, clientSecret, callbackURL: '/auth/huggingface/callback' })
  const app = await startApp(strategy, 'instance')
  const answers = await Promise.all(
    residents.map(async ({ username, sub }) => {
      const { location, cookie } = await visit(`${app.url}/auth/huggingface?who=${username}`)
      const callback = await hub.signIn(location, username)
      const { json } = await visit(callback, cookie)
      return [sub, json()]
    }),
  )
  for (const [index, { username, sub }] of residents.entries()) {
    expect(answers[index]).toEqual([sub, { user: expect.objectContaining({ id: sub, username }), info: { state: { who: username } } }])
  }
})
