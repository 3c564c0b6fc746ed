/** Walks the schema: each root field as an operation that selects whatever there is to see. */
import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
} from 'graphql'
import { schema } from '../../../src/graphql/schema.ts'

export const rootNames = ['Query', 'Mutation', 'Subscription'] as const
export type RootName = (typeof rootNames)[number]

type Field = GraphQLField<unknown, unknown>

export interface RootField {
  readonly root: RootName
  readonly name: string
  readonly field: Field
  readonly document: string
}

/** What a selected field that cannot do without an argument is given. */
const fieldArguments: Readonly<Record<string, string>> = {
  'Integration.action': '(name: "list_things")',
  'PassthroughResult.header': '(name: "content-type")',
  'PassthroughResult.json': '(path: "$")',
}

/** Asks a vendor again for each row; the root fields of this name send the same. */
const unselected: ReadonlySet<string> = new Set(['Connection.passthrough'])

const maxDepth = 4

export function listRootFields(): RootField[] {
  return rootNames.flatMap(root => {
    return fieldsOf(root).map(field => ({ root, name: field.name, field, document: documentOf(root, field) }))
  })
}

function fieldsOf(name: string): Field[] {
  const type = schema.getType(name)
  if (!isObjectType(type)) throw new TypeError(`${name} is no object type of the schema`)
  return Object.values(type.getFields())
}

function documentOf(root: RootName, { name, args, type }: Field): string {
  const variables = args.map(arg => `$${arg.name}: ${arg.type}`).join(', ')
  const given = args.map(arg => `${arg.name}: $${arg.name}`).join(', ')
  const inParentheses = (text: string) => (text === '' ? '' : `(${text})`)
  const selection = selectionOf(type, 1)
  return `${root.toLowerCase()} Walk${inParentheses(variables)} { ${name}${inParentheses(given)} ${selection} }`
}

/** All fields, down to a depth at which every type of the schema was seen; empty for a leaf. */
function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type)
  if (isInterfaceType(named)) {
    // Fields of one name may have different types: each type has an alias of its own for them.
    const kinds = schema.getPossibleTypes(named).map(kind => {
      const fields = selectFields(kind, depth).map(field => `${kind.name}_${field.split(/\W/, 1)[0]}: ${field}`)
      return `... on ${kind.name} { ${fields.join(' ')} }`
    })
    return `{ __typename ${kinds.join(' ')} }`
  }
  return isObjectType(named) ? `{ __typename ${selectFields(named, depth).join(' ')} }` : ''
}

function selectFields(type: GraphQLObjectType, depth: number): string[] {
  return Object.values(type.getFields()).flatMap(field => selectField(type.name, field, depth))
}

function selectField(typeName: string, { name, args, type }: Field, depth: number): string[] {
  const coordinate = `${typeName}.${name}`
  if (unselected.has(coordinate)) return []
  const given = fieldArguments[coordinate] ?? ''
  if (given === '' && args.some(isRequiredArgument)) throw new TypeError(`no arguments for ${coordinate}`)
  const inner = selectionOf(type, depth + 1)
  if (inner === '') return [`${name}${given}`]
  return depth >= maxDepth ? [] : [`${name}${given} ${inner}`]
}
