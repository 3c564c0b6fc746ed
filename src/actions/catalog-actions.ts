/** The hand-written actions of an integration's definition, in the shape that all actions have. */
import type { ActionEntry } from '../catalog/action.ts'
import type { IntegrationDefinition } from '../catalog/entry.ts'
import { GatewayError } from '../errors.ts'
import { isObject } from '../passthrough/scalar.ts'
import type { Action, ActionDefinition, ActionInput, ActionParameter, JsonSchema } from './action.ts'
import { fieldIn } from './build-body.ts'
import { findExample } from './example.ts'
import { type Conversion, convertSchema } from './openapi/schema.ts'
import { checkInput } from './validate.ts'

/** Milliseconds for one try at an example. */
const exampleMs = 200

const known = new WeakMap<IntegrationDefinition, ReadonlyMap<string, Action>>()

/** By name, sorted by it. */
export function catalogActions(definition: IntegrationDefinition): ReadonlyMap<string, Action> {
  const actions = known.get(definition) ?? readActions(definition)
  known.set(definition, actions)
  return actions
}

function readActions({ slug, actions = {} }: IntegrationDefinition): ReadonlyMap<string, Action> {
  const names = Object.keys(actions).sort()
  return new Map(
    names.flatMap(name => (actions[name] === undefined ? [] : [[name, readAction(slug, name, actions[name])]])),
  )
}

function readAction(integration: string, name: string, entry: ActionEntry): Action {
  const { description, method, path, deprecated = false } = entry
  let definition: ActionDefinition | undefined
  return {
    integration,
    name,
    description,
    method,
    path,
    deprecated,
    document: null,
    async definition() {
      definition ??= readDefinition(entry)
      return definition
    },
  }
}

function readDefinition({
  path,
  input,
  query,
  headers,
  body,
  contentType,
  failure,
  example,
}: ActionEntry): ActionDefinition {
  const schema = convertInput(input)
  let made: { readonly example: ActionInput | undefined } | undefined
  const inPath = [...path.matchAll(/\{([^{}]*)\}/g)].map(
    ([, name = '']): ActionParameter => ({ in: 'path', name, field: name }),
  )
  return {
    input: schema,
    parameters: [...inPath, ...place('query', query), ...place('header', headers)],
    ...(body === undefined ? {} : { body: { contentType, template: body, required: true } }),
    ...(failure === undefined ? {} : { failure }),
    // Nobody who executes it asks for one.
    get example() {
      made ??= { example: makeExample(schema, example) }
      return made.example
    },
  }
}

function place(where: 'query' | 'header', values: Readonly<Record<string, unknown>> = {}): ActionParameter[] {
  return Object.entries(values).map(([name, value]) => {
    const field = typeof value === 'string' ? fieldIn(value) : undefined
    return field === undefined ? { in: where, name, value } : { in: where, name, field }
  })
}

/** Definitions come from workspaces, too: what a schema may hold is what documents may hold. */
function convertInput(input: ActionEntry['input']): JsonSchema {
  const conversion: Conversion = {
    version: '3.1',
    warn: () => {},
    refer: reference =>
      Object.hasOwn(input.$defs ?? {}, /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1] ?? '')
        ? { schema: { $ref: reference }, isInline: false }
        : { schema: {}, isInline: true },
    isReadOnly: () => false,
  }
  const schema = convertSchema(input, conversion)
  const $defs = Object.entries(input.$defs ?? {}).map(([name, inner]) => [name, convertSchema(inner, conversion)])
  return { ...(isObject(schema) ? schema : {}), ...($defs.length === 0 ? {} : { $defs: Object.fromEntries($defs) }) }
}

function makeExample(schema: JsonSchema, given: ActionInput | undefined): ActionInput | undefined {
  const fits = (input: ActionInput) => {
    try {
      return checkInput(schema, input, exampleMs).length === 0
    } catch (error) {
      if (error instanceof GatewayError) return false
      throw error
    }
  }
  return findExample(schema, fits, given)
}
