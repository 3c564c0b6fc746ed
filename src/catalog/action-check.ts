/** What must hold between the fields of a hand-written action: every field has a place, and every place a field. */
import type * as z from 'zod'
import { explainPattern } from './pattern.ts'

interface Checked {
  readonly path: string
  readonly input: {
    readonly properties: Readonly<Record<string, object>>
    readonly required?: readonly string[] | undefined
    readonly additionalProperties?: unknown
  }
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: unknown
}

type Report = (path: (string | number)[], takes: string) => void

const maxInputLength = 64 * 1024
/** What it costs to compile is in their number. */
const maxObjects = 1500
const maxDepth = 64

export function checkAction(action: Checked, context: z.core.$RefinementCtx): void {
  if (context.issues.length > 0) return
  const report: Report = (path, takes) => context.addIssue({ code: 'custom', path, message: takes })
  const takes = explainSize(action)
  if (takes !== undefined) {
    report(['input'], takes)
    return
  }
  checkPatterns(action.input, ['input'], report)
  checkPath(action, report)
  for (const name of action.input.required ?? [])
    if (!isField(action, name)) report(['input', 'required'], `fields of properties: ${name} is none`)
  checkPlaces(action, report)
}

function explainSize({ input, body }: Checked): string | undefined {
  if (depthOf([input, body]) > maxDepth) return `at most ${maxDepth} levels`
  if (countObjects(input) > maxObjects) return `at most ${maxObjects} objects`
  const isTooLong = JSON.stringify(input).length > maxInputLength
  return isTooLong ? `a JSON Schema of at most ${maxInputLength} characters` : undefined
}

function checkPath({ path, input }: Checked, report: Report): void {
  const names = [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
  if (/[{}]/.test(path.replace(/\{[^{}]*\}/g, ''))) report(['path'], 'braces of placeholders only')
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) report(['path'], 'a path without "." and ".." segments')
  for (const name of names)
    if (!(input.required ?? []).includes(name)) report(['path'], `required fields as placeholders: {${name}} is none`)
}

function checkPlaces(action: Checked, report: Report): void {
  const inPath = [...action.path.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
  const placed = new Set(inPath)
  const parts = { query: action.query, headers: action.headers, body: action.body }
  for (const [part, value] of Object.entries(parts)) {
    for (const text of textsIn(value)) {
      const name = /^\{([^{}]+)\}$/.exec(text)?.[1]
      if (name === undefined && /[{}]/.test(text)) report([part], `whole placeholders: ${text} is none`)
      else if (name === '*' && part !== 'body') report([part], 'placeholders of fields: {*} is for the body')
      else if (name !== undefined && name !== '*' && !isField(action, name))
        report([part], `placeholders of fields: {${name}} is none`)
      if (name !== undefined) placed.add(name)
    }
  }
  if (placed.has('*')) return
  const homeless = Object.keys(action.input.properties).filter(name => !placed.has(name))
  if (homeless.length > 0) report(['input', 'properties'], `fields that are used: ${homeless.join(', ')} goes nowhere`)
  if (action.input.additionalProperties !== false)
    report(['input', 'additionalProperties'], 'false, since "{*}" is nowhere in the body')
}

function checkPatterns(schema: unknown, path: (string | number)[], report: Report): void {
  if (typeof schema !== 'object' || schema === null) return
  for (const [name, value] of Object.entries(schema)) {
    if (name !== 'pattern' || typeof value !== 'string') checkPatterns(value, [...path, name], report)
    else {
      const takes = explainPattern(value)
      if (takes !== undefined) report([...path, name], takes)
    }
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

function depthOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return depth
  return Object.values(value).reduce((deepest: number, inner) => Math.max(deepest, depthOf(inner, depth + 1)), depth)
}

function countObjects(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((sum: number, inner) => sum + countObjects(inner), 1)
}

function isField({ input }: Checked, name: string): boolean {
  return Object.hasOwn(input.properties, name)
}
