/** Arguments for any root field, drawn at random: what names something of a workspace is a placeholder until it is sent. */
import fc, { type Arbitrary } from 'fast-check'
import {
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql'
import { idKinds, placeholderOf } from './possessions.ts'
import type { RootField } from './schema-walk.ts'

export type Variables = Readonly<Record<string, unknown>>

const pick = (...kinds: readonly string[]): Arbitrary<unknown> =>
  fc.tuple(fc.constantFrom(...kinds), fc.nat({ max: 30 })).map(([kind, index]) => placeholderOf(kind, index))

/** Mostly of the kind that the place is for. */
const idOf = (...kinds: readonly string[]): Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary: pick(...kinds) }, { weight: 1, arbitrary: pick(...idKinds) })

const some = (...values: readonly unknown[]): Arbitrary<unknown> => fc.constantFrom(...values)
const nothing = fc.constant(undefined)

const slug = pick('slug', 'slug', 'sharedSlug')
const endUser = pick('endUser', 'endUser', 'sharedEndUser')
const metadata = fc.record({ plan: pick('plan') })
const path = fc.oneof(some('/things', 'things?page=2'), pick('path'))

const definition = fc.record({
  slug,
  name: pick('name'),
  baseUrl: some('https://api.example'),
  auth: some([{ scheme: 'bearer' }]),
})

/** With one operation. */
export function openApiDocument(operationId: string, description: string): object {
  const limit = { name: 'limit', in: 'query', schema: { type: 'integer' } }
  const get = { operationId, description, parameters: [limit], responses: { 200: { description: 'them' } } }
  return { openapi: '3.1.0', info: { title: description, version: '1' }, paths: { '/things': { get } } }
}

/** By the place in the schema, else by the name and type: a new place needs a line here. */
const places: Readonly<Record<string, Arbitrary<unknown>>> = {
  'Query.node.id': idOf(...idKinds),
  'Query.call.id': idOf('call'),
  'Query.connection.id': idOf('conn'),
  'Query.integration.slug': slug,
  'Subscription.connectionEvents.after': idOf('evt'),
  'AuditEventFilter.action': some('accessKey.created', 'connection.created', 'webhookEndpoint.created'),
  'AuditEventFilter.actorId': fc.oneof(idOf('key', 'ses'), endUser),
  'AuditEventFilter.targetId': idOf(...idKinds),
  'DeleteOpenApiImportInput.name': pick('openApi'),
  // The answer to the foreign name would be there for the absent one: without it, the vendor's are never fresh.
  'CacheOptions.maxAgeSeconds': nothing,
  'CallBodySettingsInput.redact': some(['x-note'], ['$.note']),
  'CallFilter.action': pick('name'),
  'CallFilter.callerId': idOf('key', 'ses'),
  'CallFilter.method': some('GET', 'POST'),
  'CallFilter.pathPrefix': pick('path'),
  'ConnectionFilter.search': endUser,
  'ConnectionFilter.metadata': metadata,
  'IntegrationFilter.categories': some(['crm'], ['developer-tools']),
  'IntegrationFilter.search': slug,
  'WebhookDeliveryFilter.endpointId': idOf('whe'),
  'ConfigureConnectPageInput.name': pick('name'),
  'ConfigureConnectPageInput.logoUrl': some('https://pictures.example/logo.png'),
  'ConfigureIntegrationInput.slug': slug,
  'ConfigureIntegrationInput.authorizationUrl': nothing,
  'ConfigureIntegrationInput.baseUrl': nothing,
  'ConfigureIntegrationInput.hosts': nothing,
  'ConfigureIntegrationInput.oauthClient': nothing,
  'ConfigureIntegrationInput.scopes': nothing,
  'ConfigureIntegrationInput.tokenUrl': nothing,
  'CreateAccessKeyInput.connectionId': idOf('conn'),
  'CreateAccessKeyInput.name': pick('name'),
  'CreateAccessKeyInput.expiresAt': some('2100-01-01T00:00:00Z'),
  'CreateConnectSessionInput.connectionId': idOf('conn'),
  'CreateConnectSessionInput.endUserId': endUser,
  'CreateConnectSessionInput.integrations': fc.array(slug, { minLength: 1, maxLength: 2 }),
  'CreateConnectSessionInput.metadata': metadata,
  'CreateConnectSessionInput.returnUrl': some('https://app.example/back'),
  'CreateConnectSessionInput.state': pick('name'),
  'CreateConnectionInput.config': nothing,
  'CreateConnectionInput.credential': some({ bearer: { token: 'own-credential' } }),
  'CreateConnectionInput.metadata': metadata,
  'CreateConnectionInput.integration': slug,
  'CreateIntegrationInput.definition': definition,
  'UpdateIntegrationInput.definition': definition,
  // The second time, the stranger's own would be gone.
  'DeleteIntegrationInput.slug': pick('slug'),
  'RevokeSessionsInput.endUserId': pick('endUser'),
  'CreateWebhookEndpointInput.description': pick('name'),
  'CreateWebhookEndpointInput.url': some('https://hooks.example/in'),
  'CreateWorkspaceInput.name': fc.oneof(pick('ws'), pick('name')),
  'DeleteAccessKeyInput.id': idOf('key'),
  'DeleteConnectionInput.id': idOf('conn'),
  'DeleteRegisteredOperationInput.id': idOf('op'),
  'DeleteWebhookEndpointInput.id': idOf('whe'),
  'SessionFilter.endUserId': endUser,
  'UpdateAccessKeyInput.expiresAt': some('2100-01-01T00:00:00Z'),
  'UpdateAccessKeyInput.id': idOf('key'),
  'UpdateAccessKeyInput.name': pick('name'),
  'DisableConnectionInput.id': idOf('conn'),
  'EnableConnectionInput.id': idOf('conn'),
  'ImportOpenApiInput.name': some('things'),
  'ImportOpenApiInput.serverUrl': nothing,
  'Mutation.executeAction.action': fc.oneof(some('list_things'), pick('action')),
  'Mutation.executeAction.idempotencyKey': pick('idempotencyKey'),
  'NewOperationInput.document': pick('document'),
  'NewOperationInput.name': pick('operation'),
  'OpenApiSource.document': some(openApiDocument('list_things', 'things')),
  'OpenApiSource.url': some('https://documents.example/openapi.json'),
  'PassthroughOptions.baseUrl': nothing,
  'PassthroughOptions.idempotencyKey': pick('idempotencyKey'),
  'PassthroughOptions.pathParams': nothing,
  // A time so short that it sometimes is enough would tell nothing.
  'PassthroughOptions.timeoutMs': some(30_000),
  'RefreshConnectionInput.id': idOf('conn'),
  'ReplayCallInput.id': idOf('call'),
  'ResendWebhookDeliveryInput.id': idOf('whd'),
  'RevokeSessionInput.id': idOf('ses'),
  'RotateAccessKeyInput.id': idOf('key'),
  'RotateWebhookSecretInput.id': idOf('whe'),
  'RuleInput.endUsers': fc.array(endUser, { minLength: 1, maxLength: 2 }),
  'RuleInput.integrations': fc.array(slug, { minLength: 1, maxLength: 2 }),
  'RuleInput.methods': some(['GET'], ['POST', 'GET']),
  'RuleInput.name': pick('name'),
  'RuleInput.paths': some(['/things*']),
  'SendTestEventInput.id': idOf('whe'),
  'UpdateConnectionInput.config': nothing,
  'UpdateConnectionInput.metadata': metadata,
  'UpdateConnectionInput.id': idOf('conn'),
  'UpdateWebhookEndpointInput.description': pick('name'),
  'UpdateWebhookEndpointInput.id': idOf('whe'),
  'UpdateWebhookEndpointInput.url': some('https://hooks.example/moved'),
  'VerifyConnectionInput.id': idOf('conn'),
  'body: JSON': some(null, { a: 1 }, 'text'),
  'connectionId: ID': idOf('conn'),
  'connections: ID': fc.array(idOf('conn'), { minLength: 1, maxLength: 3 }),
  'endUserId: String': endUser,
  'headers: JSONObject': some(null, { accept: 'application/json' }),
  'input: JSONObject': some(null, { limit: 2 }, { unknown: true }),
  'integration: String': slug,
  'integrations: String': fc.array(slug, { minLength: 1, maxLength: 2 }),
  'path: String': path,
  'query: JSONObject': some(null, { q: 'x' }),
}

const scalars: Readonly<Record<string, Arbitrary<unknown>>> = {
  Boolean: fc.boolean(),
  Int: fc.integer({ min: 1, max: 20 }),
  Float: fc.integer({ min: 1, max: 100_000 }),
  DateTime: some('2020-01-01T00:00:00Z', '2100-01-01T00:00:00Z'),
}

/** @throws TypeError for an argument that nobody said anything about */
export function argumentsOf({ root, field }: RootField): Arbitrary<Variables> {
  return recordOf(`${root}.${field.name}`, field.args)
}

function recordOf(owner: string, members: readonly (GraphQLArgument | GraphQLInputField)[]): Arbitrary<Variables> {
  const entries = members.map(member => {
    const value = drawValue(`${owner}.${member.name}`, member.name, member.type)
    const isNeeded = 'args' in member ? false : isRequired(member)
    return [member.name, isNeeded ? value : fc.option(value, { nil: undefined, freq: 2 })] as const
  })
  return fc.record(Object.fromEntries(entries))
}

function isRequired(member: GraphQLArgument | GraphQLInputField): boolean {
  return isRequiredArgument(member as GraphQLArgument) || isRequiredInputField(member as GraphQLInputField)
}

function drawValue(coordinate: string, name: string, type: GraphQLInputType): Arbitrary<unknown> {
  const known = places[coordinate]
  if (known !== undefined) return known
  const named = getNamedType(type)
  const isList = isListType(isNonNullType(type) ? type.ofType : type)
  const [root, list] = coordinate.split('.')
  if (root === 'Query' && (name === 'after' || name === 'before')) return pick(`cursor_${list}`)
  const byName = places[`${name}: ${named.name}`]
  if (byName !== undefined) return byName
  const one = isInputObjectType(named)
    ? recordOf(named.name, Object.values(named.getFields()))
    : isEnumType(named)
      ? fc.constantFrom(...named.getValues().map(value => value.name))
      : scalars[named.name]
  if (one === undefined) throw new TypeError(`no generator for ${coordinate}: ${type}`)
  return isList ? fc.array(one, { minLength: 1, maxLength: 2 }) : one
}
