// `node --import` this, and a sample listens on a free port instead of its own, and prints which.
import { Server } from 'node:net'

const { listen } = Server.prototype
Server.prototype.listen = function (at, ...more) {
  this.once('listening', () => console.log(this.address().port))
  return listen.call(this, typeof at === 'object' ? { ...at, port: 0 } : 0, ...more)
}
