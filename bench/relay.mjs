import { connect, createServer } from 'node:net'

/**
 * Puts a server at a distance: each byte takes half a round trip each way, and a new connection one round trip before its first byte sets out.
 *
 * @param {{ port: number, roundTrip: number }} options the server's port, and milliseconds
 * @returns {Promise<number>} the port from which the server looks that far away
 */
export async function startRelay({ port, roundTrip }) {
  const relay = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const open = performance.now() + roundTrip
    carry(near, far, () => Math.max(performance.now(), open) + roundTrip / 2)
    carry(far, near, () => performance.now() + roundTrip / 2)
  })
  await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve))
  return relay.address().port
}

function carry(from, to, arrival) {
  const underway = []
  let waiting = false
  const deliver = () => {
    while (underway.length && underway[0].at - performance.now() < 0.2) underway.shift().act()
    waiting = underway.length > 0
    if (!waiting) return
    const wait = underway[0].at - performance.now()
    // timers count whole milliseconds; the rest is spent turning the event loop
    if (wait > 1.5) setTimeout(deliver, Math.floor(wait - 1))
    else setImmediate(deliver)
  }
  const send = (act) => {
    underway.push({ at: arrival(), act })
    if (!waiting) setImmediate(deliver)
    waiting = true
  }
  from.on('data', (chunk) => send(() => to.write(chunk)))
  from.on('end', () => send(() => to.end()))
  from.on('error', () => send(() => to.destroy()))
}
