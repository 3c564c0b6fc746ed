/** Reads documents in threads, one at a time, each within bounds of memory and time. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { GatewayError, invalidInput } from '../../errors.ts'
import type { ImportedDocument, ImportRequest } from './import-document.ts'
import type { ThreadAnswer } from './import-thread.ts'

export interface ReadDocument {
  readonly imported: ImportedDocument
  readonly sha256: string
}

export interface ReadLimits {
  readonly timeoutMs: number
  /** Of the thread's heap, in MiB. */
  readonly memoryMb: number
  /** Documents that wait for their turn. */
  readonly waiting: number
}

const standardLimits: ReadLimits = { timeoutMs: 120_000, memoryMb: 1024, waiting: 4 }
/** As this module: `.ts` as it is written, `.js` in the package. */
const thread = new URL(`./import-thread${extname(import.meta.url)}`, import.meta.url)

export class DocumentReader {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  readonly #limits: ReadLimits

  constructor(limits: Partial<ReadLimits> = {}) {
    this.#limits = { ...standardLimits, ...limits }
  }

  /** @throws {GatewayError} INVALID_INPUT that says why it is no document, OVERLOADED */
  async read(request: ImportRequest): Promise<ReadDocument> {
    if (this.#waiting > this.#limits.waiting) {
      const message = 'Other OpenAPI documents are being read; try again shortly.'
      throw new GatewayError('OVERLOADED', message, { retryAfterMs: 5000 })
    }
    this.#waiting += 1
    const turn = this.#last.then(() => readInThread(request, this.#limits))
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      this.#waiting -= 1
    }
  }
}

async function readInThread(request: ImportRequest, { timeoutMs, memoryMb }: ReadLimits): Promise<ReadDocument> {
  const worker = new Worker(thread, {
    workerData: request,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, stackSizeMb: 16 },
  })
  const { promise, resolve, reject } = Promise.withResolvers<ThreadAnswer>()
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', () => reject(new TypeError('the thread ended without an answer')))
  const late = () => reject(refused(`takes more than ${timeoutMs / 1000} s to read`))
  const timer = setTimeout(late, timeoutMs)
  try {
    const answer = await promise
    if ('refusal' in answer) throw refused(answer.refusal)
    return answer
  } catch (error) {
    if (Object(error).code === 'ERR_WORKER_OUT_OF_MEMORY') throw refused(`takes more than ${memoryMb} MiB to read`)
    throw error
  } finally {
    clearTimeout(timer)
    await worker.terminate()
  }
}

function refused(reason: string): GatewayError {
  return invalidInput('source', `The document ${reason}.`)
}
