import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { startApp } from '../support/app'
import { type Json, type RawRequest, respond } from '../support/raw-hub'
import { startRawHub, strategyFor, watchSignIns } from '../support/sign-in'

watchSignIns()

const people = Array.from({ length: 100 }, (_, number) => `person-${number}`)
const isRejected = (person: string) => person.endsWith('9')
const subOf = (person: string) => createHash('sha256').update(person).digest('hex').slice(0, 24)

/** A few milliseconds, so that what began first does not end first. */
const jitter = () => sleep(Math.random() * 30)

/** A Hub where the code says who signs in, and the access token too. */
async function jitteringHub() {
  const hub = await startRawHub({ keepAlive: true })
  const tokens = (person: string, request: RawRequest): Json =>
    isRejected(person)
      ? { error: 'invalid_grant', error_description: `not you, ${person}` }
      : { ...hub.tokens(request, { sub: subOf(person) }), access_token: hub.secret(`${person}.`) }
  const userinfo = (person: string): Json => ({ ...hub.userinfo(), sub: subOf(person), preferred_username: person })
  const late = async (...[socket, request]: Parameters<typeof hub.answers.token>) => {
    await jitter()
    const code = request.form.get('code') ?? request.headers['authorization']?.slice('Bearer '.length)
    const person = code?.split('.')[0] ?? ''
    respond(request.endpoint === 'token' ? tokens(person, request) : userinfo(person), { keepAlive: true })(socket, request, hub)
  }
  hub.answers.token = late
  hub.answers.userinfo = late
  return hub
}

test.each(['name', 'instance'] as const)('a hundred people who sign in at once by %s each get their own response', async (by) => {
  const hub = await jitteringHub()
  const { strategy, verified } = strategyFor(hub)
  const app = await startApp(strategy, by)
  const signInAs = async (person: string) => {
    const browser = app.browser()
    await jitter()
    const state = new URL(await browser.begin(`/auth/huggingface?who=${person}`)).searchParams.get('state') ?? ''
    await jitter()
    const query = new URLSearchParams({ code: hub.secret(`${person}.`), state })
    const { status, json } = await browser.visit(`/auth/huggingface/callback?${query}`)
    return { status, json }
  }
  const expected = people.map((person) => {
    if (isRejected(person)) return { status: 502, json: { code: 'invalid_grant', phase: 'token' } }
    const user = expect.objectContaining({ id: subOf(person), username: person })
    return { status: 200, json: { user, info: { state: { who: person } } } }
  })
  expect(await Promise.all(people.map(signInAs))).toEqual(expected)
  expect(verified).toHaveLength(90)
  const rejected = app.errors.map(({ message }) => /person-\d+/.exec(message)?.[0])
  expect(rejected.sort()).toEqual(people.filter(isRejected).sort())
})
