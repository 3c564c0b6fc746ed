/** What becomes of a request that was answered before its body had come to its end. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** How long a client may go on with an upload that was answered before its end. */
const lingerMs = 5000

/** Closed at once, the connection would be reset, and the answer might be lost with it; left alone, it would stay for ever. */
export function lingerAfterAnswer(request: IncomingMessage, response: ServerResponse): void {
  response.on('finish', () => {
    if (!request.complete) lingerOver(request)
  })
}

function lingerOver(request: IncomingMessage): void {
  const cut = setTimeout(() => request.destroy(), lingerMs)
  request.on('close', () => clearTimeout(cut))
  request.on('error', () => {})
  // Whoever was reading the body may never have been told that nobody wants it.
  request.removeAllListeners('readable')
  request.resume()
}
