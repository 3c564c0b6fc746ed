/** The text of a GraphQL answer: JSON, with what a vendor sent embedded as the vendor's own text. */
import type { ExecutionResult } from 'graphql'
import { GatewayError } from '../errors.ts'
import { EmbeddedJson } from '../passthrough/json-text.ts'

/** Characters of one answer: those of the vendors' answers in it, in whichever view, and the gateway's own. */
export const maxAnswerLength = 96 * 1024 * 1024

/**
 * Like `JSON.stringify(result)`, but for embedded texts, which are copied as they are; they were validated before.
 * @throws {GatewayError} BUDGET_EXCEEDED once there are more than `maxLength` characters
 */
export function answerText(result: ExecutionResult, maxLength: number = maxAnswerLength): string {
  const parts: string[] = []
  if (result.errors !== undefined) parts.push(`"errors":${JSON.stringify(result.errors)}`)
  if (result.data !== undefined) parts.push(`"data":${valueText(result.data, maxLength)}`)
  if (result.extensions !== undefined) parts.push(`"extensions":${JSON.stringify(result.extensions)}`)
  return `{${parts.join(',')}}`
}

/** An embedded text is the whole value of a field or of a list's element: inside other objects there is none. */
function valueText(value: unknown, maxLength: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (value instanceof EmbeddedJson) return value.text
  if (Array.isArray(value)) return listText(value, maxLength)
  return isSelection(value) ? selectionText(value, maxLength) : (JSON.stringify(value) ?? 'null')
}

/** What the executor makes of a selection set; it has no prototype, so that a field may have any name. */
function isSelection(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === null && !JSON.isRawJSON(value)
}

function listText(values: readonly unknown[], maxLength: number): string {
  let text = ''
  for (const value of values) {
    text += text === '' ? valueText(value, maxLength) : `,${valueText(value, maxLength)}`
    if (text.length > maxLength) throw tooLong(text.length, maxLength)
  }
  return `[${text}]`
}

function selectionText(fields: Readonly<Record<string, unknown>>, maxLength: number): string {
  let text = ''
  for (const name in fields) {
    const field = fields[name]
    if (field === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${valueText(field, maxLength)}`
    if (text.length > maxLength) throw tooLong(text.length, maxLength)
  }
  return `{${text}}`
}

function tooLong(length: number, most: number): GatewayError {
  const message = `The answer of one operation has at most ${most} characters; this one has ${length} and more. Send several operations.`
  return new GatewayError('BUDGET_EXCEEDED', message)
}
