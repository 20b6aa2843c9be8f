import assert from 'node:assert/strict'
import { cpus } from 'node:os'
import { crowd } from './crowd.mjs'
import { heap } from './heap.mjs'
import { loading } from './loading.mjs'
import { startHub } from './processes.mjs'
import { processorTime } from './processor.mjs'
import { requests } from './requests.mjs'
import { roundTrips } from './round-trips.mjs'
import { counterparts, strategies } from './strategies.mjs'

// `npm run bench` prints a table. `npm run bench:short` fails if our strategies do not send the expected requests.
const isShort = process.argv.includes('--short')
const names = Object.keys(strategies)
const roundTrip = 100
const hub = await startHub(roundTrip)
const counted = {}
const crowds = {}
for (const name of names) counted[name] = await requests(hub, name)
for (const name of isShort ? ['`openid`'] : names) crowds[name] = await crowd(hub, name)

for (const name of Object.keys(counterparts)) {
  const [first, second] = counted[name]
  const back = name === 'ID token only' ? { token: 1 } : { token: 1, userinfo: 1 }
  assert.deepEqual(first, { away: { connections: 1, jwks: 1 }, back }, name)
  assert.deepEqual(second, { away: {}, back }, name)
}
const { connections, milliseconds, ...sent } = crowds['`openid`']
assert.deepEqual(sent, { jwks: 1, token: 400, userinfo: 400 }, 'two crowds of 200')
assert(connections <= 200, `${connections} connections for 200 people at once`)
if (isShort) process.exit()

const { first, idle, stayed, heapSizes } = await roundTrips(hub, roundTrip, names, () => heap(hub, '`openid`'))
const processor = await processorTime(hub, names, { rounds: 20, times: 100 })
const sum = ({ away, back }) => [away, back].map(({ jwks = 0, token = 0, userinfo = 0 }) => jwks + token + userinfo).join(' + ')
const rows = {
  'Round trips on the way back, first sign-in of a process': first,
  '… after 65 s without a sign-in': idle,
  '… after 30 s on the Hub, begun 40 s after another': stayed,
  'Requests while on the Hub + on the way back': (name) => counted[name].map(sum).join(', then '),
  'Processor time of a sign-in, ms': processor.milliseconds,
  '… compared with its counterpart': (name) => (name in counterparts ? `${processor.ratio(name, counterparts[name])} ×` : '1'),
  'Load and construct, ms': await loading(names, 15),
  '200 people at once, 200 ms for a request, ms': (name) => Math.round(crowds[name].milliseconds),
  'Heap after 10,000 → 20,000 sign-ins, MB': (name) => (name === '`openid`' ? heapSizes : ''),
}
const line = (cells) => console.log(`| ${cells.join(' | ')} |`)
line([`Node.js ${process.version}, ${cpus().length} cores, Hub ${roundTrip} ms away`, ...names])
line(['---', ...names.map(() => '---')])
for (const [title, cell] of Object.entries(rows)) line([title, ...names.map(cell)])
process.exit()
