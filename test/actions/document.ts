/** OpenAPI documents of few operations, and what the importer makes of them. */
import type { ActionDefinition } from '../../src/actions/action.ts'
import { type BuiltRequest, buildRequest } from '../../src/actions/build-request.ts'
import { prepareInput } from '../../src/actions/input.ts'
import { type ImportedDocument, importDocument } from '../../src/actions/openapi/import-document.ts'
import { checkInput } from '../../src/actions/validate.ts'
import type { IntegrationDefinition } from '../../src/catalog/entry.ts'
import { parseIntegration } from '../../src/catalog/parse.ts'
import type { ErrorDetail } from '../../src/errors.ts'
import type { Method } from '../../src/passthrough/request.ts'

export function acme(changes: object = {}): IntegrationDefinition {
  const baseUrl = 'https://api.acme.example'
  return parseIntegration({ slug: 'acme', name: 'Acme', baseUrl, auth: [{ scheme: 'bearer' }], ...changes })
}

/** @param document an object is written as JSON */
export function importInto(
  definition: IntegrationDefinition,
  document: unknown,
  serverUrl?: string,
  egressAllow?: string,
): ImportedDocument {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  return importDocument({ text, definition, serverUrl, egressAllow })
}

export interface OnlyAction {
  readonly name: string
  readonly method: Method
  readonly path: string
  readonly description: string
  readonly deprecated: boolean
  readonly definition: ActionDefinition
  readonly warnings: readonly string[]
  /** What is wrong with an input, as executeAction tells it. */
  check(input: object): ErrorDetail[]
  build(input: object): BuiltRequest['request']
}

/** The only operation of a document as an action. */
export function only({
  actions,
  skipped,
  warnings,
}: Pick<ImportedDocument, 'actions' | 'skipped' | 'warnings'>): OnlyAction {
  const [action] = actions
  if (action === undefined || actions.length > 1) throw new Error(`not one action: ${JSON.stringify(skipped)}`)
  const definition: ActionDefinition = JSON.parse(action.definition)
  const prepare = (input: object) => prepareInput(definition.input, { ...input })
  return {
    ...action,
    definition,
    warnings,
    check: input => checkInput(definition.input, prepare(input).view, 1000),
    build: input => buildRequest(action, definition, prepare(input).values, 'repeat').request,
  }
}

/** One operation of OpenAPI 3.1, at `POST /things`. */
export function operation(part: object, whole: object = {}): OnlyAction {
  const document = {
    openapi: '3.1.0',
    info: { title: 'Things', version: '1' },
    paths: { '/things': { post: { operationId: 'make', ...part } } },
    ...whole,
  }
  return only(importInto(acme(), document))
}

/** The same with a body of one content type. */
export function withBody(contentType: string, schema: object, more: { encoding?: object; parameters?: object[] } = {}) {
  const { encoding, ...rest } = more
  const mediaType = { schema, ...(encoding === undefined ? {} : { encoding }) }
  return operation({ requestBody: { required: true, content: { [contentType]: mediaType } }, ...rest })
}
