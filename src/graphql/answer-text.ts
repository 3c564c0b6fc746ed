/** The text of a GraphQL answer: JSON, with what a vendor sent embedded as the vendor's own text. */
import type { ExecutionResult } from 'graphql'
import { EmbeddedJson } from '../passthrough/json-text.ts'

/** Like `JSON.stringify(result)`, but for embedded texts, which are copied as they are; they were validated before. */
export function answerText(result: ExecutionResult): string {
  const parts: string[] = []
  if (result.errors !== undefined) parts.push(`"errors":${JSON.stringify(result.errors)}`)
  if (result.data !== undefined) parts.push(`"data":${valueText(result.data)}`)
  if (result.extensions !== undefined) parts.push(`"extensions":${JSON.stringify(result.extensions)}`)
  return `{${parts.join(',')}}`
}

/** An embedded text is the whole value of a field or of a list's element: inside other objects there is none. */
function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (value instanceof EmbeddedJson) return value.text
  if (Array.isArray(value)) return listText(value)
  return isSelection(value) ? selectionText(value) : (JSON.stringify(value) ?? 'null')
}

/** What the executor makes of a selection set; it has no prototype, so that a field may have any name. */
function isSelection(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === null && !JSON.isRawJSON(value)
}

function listText(values: readonly unknown[]): string {
  let text = ''
  for (const value of values) text += text === '' ? valueText(value) : `,${valueText(value)}`
  return `[${text}]`
}

function selectionText(fields: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const name in fields) {
    const field = fields[name]
    if (field !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${valueText(field)}`
  }
  return `{${text}}`
}
