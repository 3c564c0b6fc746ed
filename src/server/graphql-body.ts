/** Takes the body of a GraphQL request: counted as it comes, of a stranger only a little, and of nobody for ever. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { GraphQLError } from 'graphql'
import type { Caller } from '../access/caller.ts'
import { GatewayError } from '../errors.ts'
import { Memory } from '../gateway/memory.ts'

export interface BodyOptions {
  readonly memory: Memory
  readonly maxBytes: number
  /** The caller, or why there is none. */
  readonly prove: (request: IncomingMessage) => Promise<Caller | GatewayError>
  readonly pace?: BodyPace
}

/** How long a body may take to come in whole: the first, and more for what has come. */
export interface BodyPace {
  readonly graceMs: number
  readonly bytesPerSecond: number
}

/**
 * The whole body, which counts as held until the answer is out; undefined when the client left in the middle of it.
 * @throws {GatewayError} REQUEST_TOO_LARGE, OVERLOADED, or why the caller of more than a little is none
 * @throws {GraphQLError} with the status 408 or 415
 */
export type TakeBody = (request: IncomingMessage, response: ServerResponse) => Promise<Buffer | undefined>

const standardPace: BodyPace = { graceMs: 30_000, bytesPerSecond: 16 * 1024 }

/** What a caller without a valid key may send: enough for introspection, and for a mistake to be told. */
export const maxStrangerBytes = 64 * 1024
/** Of the memory: what all callers without a valid key hold together. */
const strangersShare = 1 / 8

/** By its head: whether a body follows. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

export function createBodyTaker({ memory, maxBytes, prove, pace = standardPace }: BodyOptions): TakeBody {
  const strangers = new Memory(Math.floor(memory.maxBytes * strangersShare), memory)
  return async function takeBody(request, response) {
    requireNoEncoding(request)
    const announced = announcedBytes(request)
    if (announced !== undefined && announced > maxBytes) throw tooLarge(`${announced} bytes`, maxBytes)
    const proved = await prove(request)
    if (!(proved instanceof GatewayError)) {
      const refuse = () => tooLarge(`more than ${maxBytes} bytes`, maxBytes)
      return await collectBody(request, response, { memory, maxBytes, refuse, announced, pace })
    }
    if (announced !== undefined && announced > maxStrangerBytes) throw proved
    const ofStranger = { memory: strangers, maxBytes: maxStrangerBytes, refuse: () => proved }
    return await collectBody(request, response, { ...ofStranger, announced, pace })
  }
}

/** As a stream: of a Buffer Yoga would list every index as a key, which takes gigabytes for the largest. */
export function leaveToYoga(request: IncomingMessage, bytes: Buffer): void {
  Object.assign(request, { body: Readable.from([bytes]) })
}

/** Undefined for one that comes in chunks. */
function announcedBytes({ headers }: IncomingMessage): number | undefined {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length']) : undefined
}

function requireNoEncoding({ headers: { 'content-encoding': encoding = 'identity' } }: IncomingMessage): void {
  if (encoding.trim().toLowerCase() === 'identity') return
  throw refusal(
    415,
    'The request has a content-encoding; a GraphQL request takes none, not even gzip. Send it as it is.',
    {
      'accept-encoding': 'identity',
    },
  )
}

interface Allowance {
  readonly memory: Memory
  readonly maxBytes: number
  /** What a longer one is refused with. */
  readonly refuse: () => Error
  readonly announced: number | undefined
  readonly pace: BodyPace
}

async function collectBody(
  request: IncomingMessage,
  response: ServerResponse,
  { memory, maxBytes, refuse, announced, pace }: Allowance,
): Promise<Buffer | undefined> {
  // Left while the caller was proved: no event would tell.
  if (request.destroyed || response.closed) return undefined
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>()
  const body = new GrowingBytes(announced ?? maxBytes)
  const stopClock = startClock(pace, body, announced, reject)
  let heldBytes = 0
  response.once('close', () => {
    if (heldBytes > 0) memory.give(heldBytes)
  })
  function take(chunk: Buffer): void {
    try {
      const bytes = body.sizeWith(chunk)
      if (body.length + chunk.length > maxBytes) throw refuse()
      memory.take(bytes - heldBytes)
      heldBytes = bytes
      body.add(chunk)
    } catch (error) {
      reject(error)
    }
  }
  request.on('data', take)
  request.on('end', () => resolve(body.read()))
  request.on('error', () => resolve(undefined))
  request.on('close', () => resolve(undefined))
  try {
    return await promise
  } finally {
    stopClock()
    request.off('data', take)
  }
}

/** Whoever sends on is given more time, whoever sends nothing is not. */
function startClock(
  { graceMs, bytesPerSecond }: BodyPace,
  body: GrowingBytes,
  announced: number | undefined,
  fail: (error: Error) => void,
): () => void {
  const startedAt = performance.now()
  function look(): void {
    const allowedMs = graceMs + (body.length / bytesPerSecond) * 1000
    const leftMs = startedAt + allowedMs - performance.now()
    if (leftMs > 0) {
      timer = setTimeout(look, leftMs)
      return
    }
    const part = announced === undefined ? `${body.length} bytes` : `${body.length} of ${announced} bytes`
    const message = `The body did not come in time: ${part} in ${Math.round(allowedMs)} ms. It takes ${graceMs} ms, and a second more for every ${bytesPerSecond} bytes.`
    fail(refusal(408, message, { connection: 'close' }))
  }
  let timer = setTimeout(look, graceMs)
  return () => clearTimeout(timer)
}

/** Bytes in one piece: of a thousand small chunks none is kept, and the first alone is not even copied. */
class GrowingBytes {
  readonly #maxBytes: number
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get length(): number {
    return this.#length
  }

  /** What it takes of memory once the chunk is in it. */
  sizeWith(chunk: Buffer): number {
    const needed = this.#length + chunk.length
    if (needed <= this.#bytes.length || this.#length === 0) return Math.max(needed, this.#bytes.length)
    return Math.max(needed, Math.min(this.#maxBytes, 2 * needed))
  }

  add(chunk: Buffer): void {
    const size = this.sizeWith(chunk)
    if (this.#length === 0) {
      this.#bytes = chunk
    } else {
      if (size > this.#bytes.length) this.#grow(size)
      chunk.copy(this.#bytes, this.#length)
    }
    this.#length += chunk.length
  }

  read(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #grow(size: number): void {
    const grown = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

function tooLarge(has: string, most: number): GatewayError {
  const message = `The request has ${has}; a GraphQL request takes at most ${most}. The raw route streams larger ones.`
  return new GatewayError('REQUEST_TOO_LARGE', message)
}

/** What never became a request, with a status that no code of ours has. */
function refusal(status: number, message: string, headers: Readonly<Record<string, string>>): GraphQLError {
  return new GraphQLError(message, { extensions: { http: { status, headers } } })
}
