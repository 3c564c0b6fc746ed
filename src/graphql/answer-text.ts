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

function valueText(value: unknown): string {
  if (value instanceof EmbeddedJson) return value.text
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`
  if (typeof value !== 'object' || value === null || 'toJSON' in value || JSON.isRawJSON(value)) {
    return JSON.stringify(value) ?? 'null'
  }
  const fields: string[] = []
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) fields.push(`${JSON.stringify(name)}:${valueText(field)}`)
  }
  return `{${fields.join(',')}}`
}
