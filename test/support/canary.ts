/** Listeners where nobody may get through to: they count every connection. And a seal, so that nothing else is dialled. */
import { once } from 'node:events'
import { createServer, type Server, Socket } from 'node:net'

export interface Canary extends AsyncDisposable {
  /** Where it listens, as `127.0.0.1:80` or `[::1]:80`, as in a URL. */
  readonly listening: readonly string[]
  /** `127.0.0.1:port` of the first listener, which has a port of its own. */
  readonly host: string
  readonly port: number
  /** Where each connection arrived that was accepted. */
  readonly accepted: readonly string[]
}

/** Beside 127.0.0.1: what only Linux answers on without being asked to. */
const loopbacks = ['127.0.0.1', '::1', '127.0.0.2', '127.0.1.3', '127.1.1.1', '127.2.2.2', '127.127.127.127']

/**
 * Listens on a free port of 127.0.0.1, on the same port of the other loopback addresses, and on the named `ports` of all of
 * them. What is taken or forbidden is left out: `listening` says what there is. Each connection is answered as HTTP.
 */
export async function createCanary(ports: readonly number[] = []): Promise<Canary> {
  const accepted: string[] = []
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  async function listen(address: string, port: number): Promise<number | undefined> {
    const server = createServer(socket => {
      accepted.push(spell(address, (server.address() as { port: number }).port))
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\ncanary'))
    })
    server.listen({ host: address, port, ipv6Only: true })
    const isListening = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isListening) return undefined
    servers.push(server)
    return (server.address() as { port: number }).port
  }
  const port = await listen('127.0.0.1', 0)
  if (port === undefined) throw new Error('no canary can listen on 127.0.0.1')
  const places = [port, ...ports].flatMap(wanted => loopbacks.map(address => ({ address, port: wanted }))).slice(1)
  const listening = [spell('127.0.0.1', port)]
  for (const place of places) {
    if ((await listen(place.address, place.port)) !== undefined) listening.push(spell(place.address, place.port))
  }
  return {
    listening,
    host: listening[0] ?? '',
    port,
    accepted,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
    },
  }
}

function spell(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

export interface Seal extends Disposable {
  /** Every address that a socket was about to connect to, loopback or not. */
  readonly dialled: string[]
}

/**
 * Until disposed, sockets of this process reach loopback only; any other address is noted and fails before a packet leaves.
 * It asks where Node itself asks: after the look-up, once per address, right before the system call.
 */
export function sealNetwork(): Seal {
  const dialled: string[] = []
  const check = (address: string) => {
    dialled.push(address)
    return !/^(?:127\.|::1$|::ffff:127\.|0\.0\.0\.0$|::$)/.test(address)
  }
  const { connect } = Socket.prototype
  Socket.prototype.connect = function (this: Socket & { blockList?: unknown }, ...parameters: unknown[]) {
    this.blockList = { check }
    return Reflect.apply(connect, this, parameters) as Socket
  }
  return {
    dialled,
    [Symbol.dispose]() {
      Socket.prototype.connect = connect
    },
  }
}
