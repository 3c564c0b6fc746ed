/** The listener of HTTP itself: how large a request's head may be, and how long it may take. */
import { createServer, type RequestListener, type Server } from 'node:http'

/** Bytes of a request's head: a URL may have 16 KiB, and headers come on top. */
const maxHeaderSize = 64 * 1024
/** From the first byte, or from the connection when none comes. */
const standardHeadTimeoutMs = 30_000

/**
 * No limit on the time of a whole request: an upload may take hours, and silence is cut off elsewhere. Without one for its
 * head whoever sends half of it would keep a connection for ever.
 */
export function createListener(handler: RequestListener, headTimeoutMs: number = standardHeadTimeoutMs): Server {
  return createServer(
    {
      maxHeaderSize,
      requestTimeout: 0,
      headersTimeout: headTimeoutMs,
      connectionsCheckingInterval: Math.min(5000, headTimeoutMs),
      keepAliveTimeout: 72_000,
    },
    handler,
  )
}
