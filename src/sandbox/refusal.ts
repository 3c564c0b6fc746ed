/** What the vendor refuses, in its own words: the key it demands, and the one shape of all its errors. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** A demo value that everyone may know. */
export const sandboxApiKey = 'sandbox_demo_key'

export type FieldProblems = Readonly<Record<string, string>>

export class VendorError extends Error {
  override readonly name = 'VendorError'
  readonly status: number
  readonly type: string
  readonly fields: FieldProblems | undefined

  constructor(status: number, type: string, message: string, fields?: FieldProblems) {
    super(message)
    this.status = status
    this.type = type
    this.fields = fields
  }
}

export function invalid(fields: FieldProblems): VendorError {
  return new VendorError(422, 'validation_failed', 'Some values are not valid.', fields)
}

export function notFound(what: string): VendorError {
  return new VendorError(404, 'not_found', `There is no ${what}.`)
}

export async function demandKey(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (request.headers['x-api-key'] === sandboxApiKey) return
  reply.header('www-authenticate', 'ApiKey realm="sandbox"')
  const problem =
    request.headers['x-api-key'] === undefined ? 'The header x-api-key is missing.' : 'The key is not known.'
  throw new VendorError(401, 'unauthorized', problem)
}

export function answerError(error: FastifyError | Error, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, type, message, fields } = error instanceof VendorError ? error : translate(error)
  return reply.code(status).send({ error: { type, message, fields } })
}

/** No route and no hook runs for a path that cannot be decoded, so the key is asked for here. */
export function refuseBadUrl(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const known = request.headers['x-api-key'] === sandboxApiKey
  const refusal = known
    ? new VendorError(400, 'bad_request', 'The path is not properly percent-encoded.')
    : new VendorError(401, 'unauthorized', 'The header x-api-key is missing or not known.')
  answerError(refusal, request, reply)
}

function translate(error: FastifyError | Error): VendorError {
  const status = 'statusCode' in error && error.statusCode !== undefined ? error.statusCode : 500
  if (status === 413) return new VendorError(413, 'too_large', 'A request body has at most 1 MiB.')
  if (status >= 400 && status < 500) return new VendorError(status, 'bad_request', error.message)
  return new VendorError(500, 'server_error', 'Something went wrong in the sandbox.')
}
