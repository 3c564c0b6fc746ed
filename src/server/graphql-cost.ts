/** What an operation would cost by a list of prices, as far as its document and its variables say. */
import {
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionNode,
  type SelectionSetNode,
  TypeMetaFieldDef,
  type ValueNode,
} from 'graphql'

export type Variables = Readonly<Record<string, unknown>>

/** A number when the variables have no say in it. */
type Price = number | ((variables: Variables) => number)

/** What is counted: calls, or values. */
export interface PriceList {
  /** Of one field itself, wherever it stands; `field` is absent for `__typename`. */
  readonly own: (type: string, name: string, field: GraphQLField<unknown, unknown> | undefined) => number
  /** How many things the list of a field has that takes no size. */
  readonly items: (type: GraphQLCompositeType, name: string, field: GraphQLField<unknown, unknown>) => number
}

/** The fields that ask a vendor or a receiver of webhooks: each one is a call. */
export const sendingFields: ReadonlySet<string> = new Set([
  'Query.passthrough',
  'Connection.passthrough',
  'Mutation.passthrough',
  'Mutation.createConnection',
  'Mutation.deleteConnection',
  'Mutation.executeAction',
  'Mutation.importOpenApi',
  'Mutation.refreshConnection',
  'Mutation.replayCall',
  'Mutation.resendWebhookDelivery',
  'Mutation.sendTestEvent',
  'Mutation.verifyConnection',
])

/** Upstream calls; a list without a size is counted as it runs. */
export const callPrices: PriceList = {
  own: (type, name) => (sendingFields.has(`${type}.${name}`) ? 1 : 0),
  items: () => 1,
}

/** What a list has when nobody says how many. */
const usualPage = 20

/** Adds up the operation that is meant; a document is read once, whatever variables come with it. */
export function createPricing(
  schema: GraphQLSchema,
  list: PriceList = callPrices,
): (document: DocumentNode, operationName: string | null | undefined, variables: Variables) => number {
  const prices = new WeakMap<OperationDefinitionNode, Price>()
  return function addUpOperation(document, operationName, variables) {
    const operation = findOperation(document, operationName)
    if (operation === undefined) return 0
    let price = prices.get(operation)
    if (price === undefined) {
      price = priceOperation(schema, list, document, operation)
      prices.set(operation, price)
    }
    return typeof price === 'number' ? price : price({ ...defaultsOf(operation), ...variables })
  }
}

function findOperation(document: DocumentNode, name: string | null | undefined): OperationDefinitionNode | undefined {
  const operations = document.definitions.filter(node => node.kind === Kind.OPERATION_DEFINITION)
  return name == null ? operations[0] : operations.find(node => node.name?.value === name)
}

function priceOperation(
  schema: GraphQLSchema,
  list: PriceList,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Price {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  const fragmentPrices = new Map<string, Price>()
  const root = schema.getRootType(operation.operation)
  return root == null ? 0 : priceSet(root, operation.selectionSet)

  function priceSet(type: GraphQLCompositeType, { selections }: SelectionSetNode): Price {
    return addUp(selections.map(node => onlyIf(node, priceSelection(type, node))))
  }

  function priceSelection(type: GraphQLCompositeType, node: SelectionNode): Price {
    if (node.kind === Kind.FIELD) return priceField(type, node)
    if (node.kind === Kind.FRAGMENT_SPREAD) return priceFragment(node.name.value)
    return priceSet(typeNamed(node.typeCondition?.name.value) ?? type, node.selectionSet)
  }

  function priceFragment(name: string): Price {
    const fragment = fragments.get(name)
    const type = typeNamed(fragment?.typeCondition.name.value)
    if (fragment === undefined || type === undefined) return 0
    const price = fragmentPrices.get(name) ?? priceSet(type, fragment.selectionSet)
    fragmentPrices.set(name, price)
    return price
  }

  function priceField(type: GraphQLCompositeType, node: FieldNode): Price {
    const name = node.name.value
    const field = fieldOf(type, name)
    const own = list.own(type.name, name, field)
    const inner = field && getNamedType(field.type)
    if (field === undefined || node.selectionSet === undefined || !isCompositeType(inner)) return own
    const items = countItems(field, node) ?? list.items(type, name, field)
    return addUp([own, multiply(items, priceSet(inner, node.selectionSet))])
  }

  function typeNamed(name: string | undefined): GraphQLCompositeType | undefined {
    const type = name === undefined ? undefined : schema.getType(name)
    return isCompositeType(type) ? type : undefined
  }
}

const metaFields = [SchemaMetaFieldDef, TypeMetaFieldDef]

function fieldOf(type: GraphQLCompositeType, name: string): GraphQLField<unknown, unknown> | undefined {
  const known = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined
  return known ?? metaFields.find(field => field.name === name)
}

/** A page has what `first` or `last` says, and what is asked for by ids has as many; undefined where nobody says. */
function countItems(field: GraphQLField<unknown, unknown>, node: FieldNode): Price | undefined {
  const takes = (name: string) => field.args.some(arg => arg.name === name)
  const given = (name: string) => node.arguments?.find(argument => argument.name.value === name)
  if (takes('first')) {
    const sizes = [given('first'), given('last')].filter(argument => argument !== undefined)
    return depending(sizes, values => values.find(value => typeof value === 'number') ?? usualPage)
  }
  if (!takes('ids')) return undefined
  return depending(
    [given('ids')].filter(argument => argument !== undefined),
    ([ids]) => (Array.isArray(ids) ? ids.length : 1),
  )
}

/** `@skip` and `@include` decide before anything is sent. */
function onlyIf({ directives = [] }: SelectionNode, price: Price): Price {
  if (price === 0 || directives.length === 0) return price
  const conditions = directives.flatMap(({ name, arguments: given = [] }) =>
    given.map(({ value }) => ({ value, wanted: name.value === 'include' })),
  )
  return variables =>
    conditions.every(({ value, wanted }) => readValue(value, variables) === wanted) ? evaluate(price, variables) : 0
}

function depending(given: readonly ArgumentNode[], count: (values: unknown[]) => number): Price {
  const atLeastNone = (variables: Variables) =>
    Math.max(0, count(given.map(({ value }) => readValue(value, variables))))
  return given.some(({ value }) => value.kind === Kind.VARIABLE) ? atLeastNone : atLeastNone({})
}

function readValue(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case Kind.VARIABLE:
      return Object.hasOwn(variables, node.name.value) ? variables[node.name.value] : undefined
    case Kind.INT:
      return Number(node.value)
    case Kind.BOOLEAN:
      return node.value
    case Kind.LIST:
      return node.values
    default:
      return undefined
  }
}

function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Variables {
  const given = variableDefinitions.filter(({ defaultValue }) => defaultValue !== undefined)
  return Object.fromEntries(
    given.map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue === undefined ? undefined : readValue(defaultValue, {}),
    ]),
  )
}

function addUp(prices: readonly Price[]): Price {
  const fixed = prices.filter(price => typeof price === 'number').reduce((sum, price) => sum + price, 0)
  const others = prices.filter(price => typeof price !== 'number')
  return others.length === 0 ? fixed : variables => others.reduce((sum, price) => sum + price(variables), fixed)
}

function multiply(count: Price, price: Price): Price {
  if (price === 0) return 0
  if (typeof count === 'number' && typeof price === 'number') return count * price
  return variables => evaluate(count, variables) * evaluate(price, variables)
}

function evaluate(price: Price, variables: Variables): number {
  return typeof price === 'number' ? price : price(variables)
}
