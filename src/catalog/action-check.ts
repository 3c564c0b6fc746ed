/** What must hold between the fields of a hand-written action: every field has a place, and every place a field. */
import type * as z from 'zod'
import { isFramingHeader } from '../auth/header-names.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { injectedNames } from '../auth/strategy.ts'
import { findMisfits } from './action-example.ts'
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
  readonly example?: unknown
}

type Report = (path: (string | number)[], takes: string) => void

const maxInputLength = 64 * 1024
/** What it costs to compile is in their number. */
const maxObjects = 1500
const maxDepth = 64
/** Of an enum; a longer one would not be checked. */
const maxValues = 2000

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
  if (action.example === undefined || context.issues.length > 0) return
  for (const { path, takes: wanted } of findMisfits(action.input, action.example)) report(['example', ...path], wanted)
}

/** What every call of an action would be refused for: the credential's place is not a caller's to write. */
export function checkInjected(
  {
    auth,
    actions = {},
  }: { readonly auth: readonly AuthEntry[]; readonly actions?: Record<string, Checked> | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (context.issues.length > 0) return
  const injected = auth.map(injectedNames)
  for (const [name, action] of Object.entries(actions)) {
    for (const part of ['headers', 'query', 'body'] as const) {
      const taken = new Set(injected.flatMap(names => names[part].map(each => each.toLowerCase())))
      for (const path of pathsOf(action, part)) {
        if (!taken.has(String(path.at(-1)).toLowerCase())) continue
        const message = 'no value here: the credential is written there'
        context.addIssue({ code: 'custom', path: ['actions', name, ...path], message })
      }
    }
  }
}

/** Where an action writes a header, a parameter, or a member of its body. */
function pathsOf(action: Checked, part: 'headers' | 'query' | 'body'): string[][] {
  if (part !== 'body') return Object.keys(action[part] ?? {}).map(name => [part, name])
  if (action.body === '{*}') {
    const placed = new Set([action.query, action.headers].flatMap(textsIn).concat(namesIn(action.path).map(inBraces)))
    const rest = Object.keys(action.input.properties).filter(name => !placed.has(inBraces(name)))
    return rest.map(name => ['input', 'properties', name])
  }
  const isMap = typeof action.body === 'object' && action.body !== null && !Array.isArray(action.body)
  return isMap ? Object.keys(Object(action.body)).map(name => ['body', name]) : []
}

/** Whether only the gateway or its HTTP client writes a header, for any integration; lower case. */
export function isReservedHeader(name: string): boolean {
  return isFramingHeader(name) || /^(?:proxy-|x-passgate-)|^http2-settings$/.test(name)
}

function explainSize({ input, body, example }: Checked): string | undefined {
  if (depthOf([input, body, example]) > maxDepth) return `at most ${maxDepth} levels`
  if (countObjects(input) > maxObjects) return `at most ${maxObjects} objects`
  const isTooLong = JSON.stringify(input).length > maxInputLength
  return isTooLong ? `a JSON Schema of at most ${maxInputLength} characters` : undefined
}

function checkPath({ path, input }: Checked, report: Report): void {
  const names = namesIn(path)
  if (/[{}]/.test(path.replace(/\{[^{}]*\}/g, ''))) report(['path'], 'braces of placeholders only')
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) report(['path'], 'a path without "." and ".." segments')
  for (const name of names)
    if (!(input.required ?? []).includes(name)) report(['path'], `required fields as placeholders: {${name}} is none`)
}

function checkPlaces(action: Checked, report: Report): void {
  const placed = new Set(namesIn(action.path))
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
    if (name === 'enum' && Array.isArray(value) && value.length > maxValues)
      report([...path, name], `at most ${maxValues} values`)
    else if (name !== 'pattern' || typeof value !== 'string') checkPatterns(value, [...path, name], report)
    else {
      const takes = explainPattern(value)
      if (takes !== undefined) report([...path, name], takes)
    }
  }
}

function namesIn(path: string): string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
}

function inBraces(name: string): string {
  return `{${name}}`
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
