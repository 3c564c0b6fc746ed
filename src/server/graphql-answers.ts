/** The last hand on every result: errors get their public face, hidden ones go to the log, and no text is longer than it may be. */

import type { IncomingMessage } from 'node:http'
import { type ExecutionResult, GraphQLError } from 'graphql'
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Memory } from '../gateway/memory.ts'
import { answerText } from '../graphql/answer-text.ts'
import { faceOf } from '../graphql/errors.ts'
import { passageOf } from './passage.ts'

export interface AnswerParts {
  readonly events: Pick<Events, 'requestFailed'>
  readonly memory: Memory
  /** False where nobody may learn of the schema what their own document does not say. */
  readonly showsSchema: boolean
}

/** The request that a result answers. */
export interface Answered {
  readonly requestId: string
  readonly req: IncomingMessage
  /** Calls back when the answer is out or nobody waits for it any more. */
  readonly onClose: (callback: () => void) => void
}

export interface Answers {
  readonly finish: (result: ExecutionResult, answered: Answered) => ExecutionResult
  /** The text of a finished result, which counts as held until it is out; in its place why there is none. */
  readonly write: (result: ExecutionResult, answered: Answered) => string
  /** The same for one of many: it is out before the next. */
  readonly writeEvent: (result: ExecutionResult, answered: Answered) => string
}

/** Characters of an answer that is too small to count. */
const smallLength = 64 * 1024

export function createAnswers(parts: AnswerParts): Answers {
  function finish(result: ExecutionResult, answered: Answered): ExecutionResult {
    if (result.errors === undefined) return result
    const isWhole = !('data' in result)
    return { ...result, errors: result.errors.map(error => publicError(error, isWhole, answered, parts)) }
  }
  function writeAs(write: () => string, answered: Answered): string {
    try {
      return write()
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const errors = [new GraphQLError(error.message, { originalError: error })]
      return answerText(finish({ data: null, errors }, answered))
    }
  }
  return {
    finish,
    write: (result, answered) =>
      writeAs(() => {
        const text = answerText(result)
        if (text.length > smallLength) hold(text.length, answered)
        return text
      }, answered),
    writeEvent: (result, answered) => writeAs(() => answerText(result), answered),
  }

  function hold(bytes: number, answered: Answered): void {
    parts.memory.take(bytes)
    answered.onClose(() => parts.memory.give(bytes))
  }
}

function publicError(error: unknown, isWhole: boolean, { requestId, req }: Answered, parts: AnswerParts): GraphQLError {
  const face = faceOf(error, requestId, { showsSchema: parts.showsSchema })
  if (face.hidden !== undefined) parts.events.requestFailed(requestId, face.hidden)
  const { code, http } = face.error.extensions
  passageOf(req)?.refuseBy(code as ErrorCode)
  // A failure of ours is 500 to every client; `spec` would let a client of application/json see 200.
  const usual = code === 'INTERNAL' ? { status: 500 } : { status: 400, spec: true }
  // What fails in a field has no say in the status of an answer that has data.
  face.error.extensions.http = isWhole ? (http ?? usual) : undefined
  return face.error
}
