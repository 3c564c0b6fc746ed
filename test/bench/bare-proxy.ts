/** The measure of all ratios, a process of its own: undici behind node:http in its fastest plain form, and nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Dispatcher, Pool } from 'undici'

const pool = new Pool(process.argv[2] ?? '')

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 72_000 }, (request, response) => {
  const { method = 'GET', url: path = '/', headers } = request
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, host: ____, ...forwarded } = headers
  pool.dispatch(
    { method: method as Dispatcher.HttpMethod, path, headers: forwarded, body: hasBody ? request : null },
    new Relay(request, response),
  )
})

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => process.exit())

class Relay implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.on('drain', () => controller.resume())
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) controller.abort(new Error('the client left'))
    })
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: object): void {
    const {
      connection: _,
      'keep-alive': __,
      'transfer-encoding': ___,
      ...forwarded
    } = headers as Record<string, string>
    this.#response.writeHead(status, forwarded)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#request.destroy()
    this.#response.destroy(error)
  }
}
