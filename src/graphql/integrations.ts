/** Integrations: which services can be called, how their accounts authenticate, and the workspace's settings. */
import { namesOf } from '../access/audit.ts'
import { checkRules } from '../access/rules.ts'
import { narrowFilter } from '../access/visibility.ts'
import { type SchemeName, schemeNames } from '../auth/scheme.ts'
import { configFields } from '../catalog/target.ts'
import type { Integration } from '../connections/integrations.ts'
import { builder } from './builder.ts'
import { CallBodySettings, CallBodySettingsInput } from './call-body-settings.ts'
import { toRelay } from './pages.ts'
import { Quota, QuotaInput } from './rate-limits.ts'
import { Rule, RuleInput, rulesOf } from './rules.ts'

export const IntegrationType = builder.objectRef<Integration>('Integration')

const schemeMeanings: Readonly<Record<SchemeName, string>> = {
  none: 'No credential at all.',
  apiKey: 'A key; the integration says where it goes.',
  basic: 'User name and password (RFC 7617), or another pair the vendor asks for.',
  bearer: 'A token that the vendor gave out (RFC 6750).',
  oauth2: 'Tokens of an OAuth 2.0 grant (RFC 6749), refreshed as they end.',
  clientCredentials: 'An OAuth 2.0 client of the account’s own (RFC 6749 §4.4).',
  twoStep: 'What is posted to the service to get a token, such as a user name and password.',
  jwt: 'A key with which a short-lived token is signed (RFC 7519).',
  jwtBearer: 'A key with which a token is signed that is exchanged for an access token (RFC 7523).',
  oauth1: 'A token with which each request is signed (RFC 5849).',
  awsSigV4: 'An AWS access key with which each request is signed.',
  headers: 'Several secret texts, each in a place of its own.',
  mtls: 'A client certificate and its private key.',
}

/** `apiKey` is `API_KEY` to a caller. */
export const AuthScheme = builder.enumType('AuthScheme', {
  description: 'How a connection proves itself to the service.',
  values: Object.fromEntries(
    schemeNames.map(scheme => [enumName(scheme), { value: scheme, description: schemeMeanings[scheme] }]),
  ),
})

interface ConfigField {
  readonly name: string
  readonly title: string
  readonly description?: string | undefined
  readonly pattern?: string | undefined
  readonly example?: string | undefined
  readonly default?: string | undefined
}

const ConfigFieldType = builder.objectRef<ConfigField>('IntegrationConfigField').implement({
  description: 'A value that each connection of an integration gives, such as a region or an own host.',
  fields: t => ({
    name: t.exposeString('name', { description: 'The key in `config` of createConnection.' }),
    title: t.exposeString('title', { description: 'What a form calls it.' }),
    description: t.exposeString('description', { nullable: true, description: 'Where an end user finds it.' }),
    pattern: t.exposeString('pattern', {
      nullable: true,
      description: 'A regular expression (RE2) for the whole value.',
    }),
    example: t.exposeString('example', { nullable: true, description: 'A value as it may look.' }),
    default: t.exposeString('default', { nullable: true, description: 'Used when a connection gives none.' }),
  }),
})

interface CredentialField {
  readonly scheme: SchemeName
  readonly name: string
  readonly title: string
  readonly description?: string | undefined
  readonly example?: string | undefined
  readonly secret: boolean
  readonly optional: boolean
  readonly multiline: boolean
}

const AuthFieldType = builder.objectRef<CredentialField>('IntegrationAuthField').implement({
  description: 'A part of a credential that the integration names itself.',
  fields: t => ({
    scheme: t.expose('scheme', { type: AuthScheme, description: 'The scheme it belongs to.' }),
    name: t.exposeString('name', { description: 'The key in `fields` of the credential.' }),
    title: t.exposeString('title', { description: 'What a form calls it.' }),
    description: t.exposeString('description', { nullable: true, description: 'Where an end user finds it.' }),
    example: t.exposeString('example', { nullable: true, description: 'A value as it may look.' }),
    secret: t.exposeBoolean('secret', { description: 'False for what a form may show while it is typed.' }),
    optional: t.exposeBoolean('optional', { description: 'True when a credential may do without it.' }),
    multiline: t.exposeBoolean('multiline', { description: 'True for texts of several lines, such as keys in PEM.' }),
  }),
})

builder.node(IntegrationType, {
  description: 'A service that can be called: built in, or defined by the workspace. Any access key may read it.',
  id: { resolve: integration => integration.id },
  loadMany: async (ids, { services, caller }) => {
    const all = await services.integrations.list(caller().workspaceId)
    const byId = new Map(all.map(integration => [integration.id, integration]))
    return ids.map(id => byId.get(id) ?? null)
  },
  fields: t => ({
    slug: t.exposeString('slug', { description: 'Its name in arguments and filters; unique in the workspace.' }),
    name: t.string({ description: 'The service’s own name.', resolve: ({ definition }) => definition.name }),
    description: t.string({
      nullable: true,
      description: 'What the service is for.',
      resolve: ({ definition }) => definition.description,
    }),
    categories: t.stringList({
      description: 'What it belongs to, such as `crm`.',
      resolve: ({ definition }) => definition.categories,
    }),
    docs: t.string({
      nullable: true,
      description: 'The vendor’s API documentation.',
      resolve: ({ definition }) => definition.docs,
    }),
    builtIn: t.exposeBoolean('builtIn', { description: 'True for the catalog’s, false for the workspace’s own.' }),
    baseUrl: t.string({
      description: 'What relative paths are appended to; `{name}` stands for a connection’s config value.',
      resolve: ({ definition }) => definition.baseUrl,
    }),
    hosts: t.stringList({
      description: 'The pinned hosts: a credential goes nowhere else. Empty means the host of the base URL alone.',
      resolve: ({ definition }) => definition.hosts ?? [],
    }),
    authSchemes: t.field({
      type: [AuthScheme],
      description: 'The kinds of credential a connection may have.',
      resolve: ({ definition }) => definition.auth.map(auth => auth.scheme),
    }),
    configFields: t.field({
      type: [ConfigFieldType],
      description: 'The values that a connection gives; those without a default are required.',
      resolve: ({ definition }) =>
        configFields(definition).flatMap(name => {
          const field = definition.config?.[name]
          return field === undefined ? [] : [{ name, ...field }]
        }),
    }),
    authFields: t.field({
      type: [AuthFieldType],
      description: 'The fields of credentials whose scheme lets the integration name them.',
      resolve: ({ definition }) =>
        definition.auth.flatMap(entry =>
          'fields' in entry
            ? Object.entries(entry.fields).map(([name, field]) => ({ scheme: entry.scheme, name, ...field }))
            : [],
        ),
    }),
    configured: t.exposeBoolean('configured', {
      description:
        'False while an OAuth scheme lacks the client of the workspace (`configureIntegration`); connections of its other schemes, such as a token that is pasted, work all the same.',
    }),
    quota: t.expose('quota', {
      type: Quota,
      nullable: true,
      description: 'What the workspace set for all its connections of this integration together; null for none.',
    }),
    rules: t.field({
      type: [Rule],
      description: 'What may be called there and what not, by whoever; empty for anything.',
      resolve: ({ rules }) => [...rules],
    }),
    callBodies: t.expose('callBodies', {
      type: CallBodySettings,
      nullable: true,
      description: 'What the call log keeps of requests and answers there; null for nothing, which is the standard.',
    }),
  }),
})

export const IntegrationFilter = builder.inputType('IntegrationFilter', {
  description: 'Narrows the list; all given conditions hold.',
  fields: t => ({
    search: t.string({
      description:
        'Each word of it is in the name or slug, or begins a word of the description or of a category; case and accents do not count. At most 100 characters; a blank one finds all.',
    }),
    categories: t.stringList({
      description: 'Has at least one of these, such as `crm`; one that nothing has finds nothing. At most 50.',
    }),
    authSchemes: t.field({ type: [AuthScheme], description: 'Connects by at least one of these. At most 50.' }),
    connected: t.boolean({
      description: 'True: has a connection in this workspace, for a session one of its end user’s; false: has none.',
    }),
    configured: t.boolean({ description: 'As `Integration.configured`.' }),
  }),
})

builder.queryFields(t => ({
  integration: t.field({
    type: IntegrationType,
    nullable: true,
    description: 'The integration with this slug, or null. Any access key may ask.',
    args: { slug: t.arg.string({ required: true, description: 'For example `github`.' }) },
    resolve: (_root, { slug }, { services, caller }) => services.integrations.get(caller().workspaceId, slug),
  }),
  integrations: t.connection(
    {
      type: IntegrationType,
      description:
        'What this workspace can call, sorted by slug. With a search those first whose name begins with it, then those with a word that does, then those with it inside, then those it describes, each by slug; a cursor goes on in the same search. Any access key may ask.',
      args: { filter: t.arg({ type: IntegrationFilter, description: 'Narrows the list.' }) },
      resolve: async (_root, { filter, ...page }, { services, caller }) => {
        const { workspaceId } = caller()
        const { within } = narrowFilter(caller(), {})
        const found = await services.integrations.page(workspaceId, filter ?? {}, page, within)
        return { ...toRelay(found), totalCount: found.totalCount }
      },
    },
    {
      fields: t => ({
        totalCount: t.int({
          description: 'How many the filter finds, on all pages.',
          resolve: ({ totalCount }) => totalCount,
        }),
      }),
    },
  ),
}))

const OAuthClientInput = builder.inputType('OAuthClientInput', {
  description: 'The workspace’s own OAuth client at the vendor.',
  fields: t => ({
    clientId: t.string({ required: true, description: 'The public client id.' }),
    clientSecret: t.string({ description: 'Sealed when stored and never shown again.' }),
  }),
})

const CreateIntegrationInput = builder.inputType('CreateIntegrationInput', {
  description: 'A workspace’s own integration.',
  fields: t => ({
    definition: t.field({
      type: 'JSONObject',
      required: true,
      description: 'A document in the format of `schema/integration.schema.json`, the same as a catalog entry.',
    }),
  }),
})

const UpdateIntegrationInput = builder.inputType('UpdateIntegrationInput', {
  description: 'Another definition for one of the workspace’s own integrations.',
  fields: t => ({
    definition: t.field({
      type: 'JSONObject',
      required: true,
      description: 'The whole definition; its `slug` says which integration it is for.',
    }),
  }),
})

const DeleteIntegrationInput = builder.inputType('DeleteIntegrationInput', {
  description: 'Which of the workspace’s own integrations is deleted.',
  fields: t => ({ slug: t.string({ required: true, description: 'Its slug; it must have no connections any more.' }) }),
})

const ConfigureIntegrationInput = builder.inputType('ConfigureIntegrationInput', {
  description:
    'An admin’s settings for the whole workspace. An absent field stays as it is; null goes back to the catalog’s value.',
  fields: t => ({
    slug: t.string({ required: true, description: 'Which integration.' }),
    baseUrl: t.string({
      description:
        'Another address: a self-managed server, a sandbox of the vendor. Plain http, here and below, only towards hosts in `PASSGATE_EGRESS_ALLOW`.',
    }),
    hosts: t.stringList({
      description:
        'The pinned hosts there. When absent with `baseUrl`: the host of that URL alone. Where the base URL is a whole config field, such as `{instanceUrl}`: what each connection’s value leads to, in place of the field’s own pattern.',
    }),
    authorizationUrl: t.string({ description: 'The OAuth authorization endpoint there.' }),
    tokenUrl: t.string({ description: 'The OAuth token endpoint there.' }),
    oauthClient: t.field({ type: OAuthClientInput, description: 'The workspace’s own OAuth client.' }),
    scopes: t.stringList({ description: 'The OAuth scopes to ask for.' }),
    quota: t.field({
      type: QuotaInput,
      description: 'A limit for all connections of this integration together, shared fairly between end users.',
    }),
    rules: t.field({ type: [RuleInput], description: 'What may be called there and what not; all anew.' }),
    callBodies: t.field({
      type: CallBodySettingsInput,
      description: 'Keeps requests and answers of its calls; null for none of them. What was kept stays its time.',
    }),
  }),
})

const CreateIntegrationPayload = builder.objectRef<{ integration: Integration }>('CreateIntegrationPayload').implement({
  description: 'What createIntegration made.',
  fields: t => ({
    integration: t.expose('integration', { type: IntegrationType, description: 'The new integration.' }),
  }),
})

const UpdateIntegrationPayload = builder.objectRef<{ integration: Integration }>('UpdateIntegrationPayload').implement({
  description: 'What updateIntegration changed.',
  fields: t => ({
    integration: t.expose('integration', {
      type: IntegrationType,
      description: 'The integration as it is used from now on.',
    }),
  }),
})

const DeleteIntegrationPayload = builder
  .objectRef<{ deletedIntegrationId: string }>('DeleteIntegrationPayload')
  .implement({
    description: 'What deleteIntegration deleted.',
    fields: t => ({
      deletedIntegrationId: t.exposeID('deletedIntegrationId', {
        description: 'The id that no longer names anything.',
      }),
    }),
  })

const ConfigureIntegrationPayload = builder
  .objectRef<{ integration: Integration }>('ConfigureIntegrationPayload')
  .implement({
    description: 'What configureIntegration changed.',
    fields: t => ({
      integration: t.expose('integration', {
        type: IntegrationType,
        description: 'The integration as it is used from now on.',
      }),
    }),
  })

builder.mutationFields(t => ({
  createIntegration: t.field({
    type: CreateIntegrationPayload,
    description: 'Defines an integration of the workspace’s own. Scope: integrations:write.',
    args: { input: t.arg({ type: CreateIntegrationInput, required: true, description: 'The definition.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('integrations:write')
      const integration = await context.services.integrations.define(workspaceId, input.definition)
      await context.audit('integration.defined', integration.id, { slug: integration.slug })
      return { integration }
    },
  }),
  updateIntegration: t.field({
    type: UpdateIntegrationPayload,
    description:
      'Replaces the definition of one of the workspace’s own integrations; its settings, connections and imported actions stay. A connection of a scheme that it no longer has needs to be connected again. Scope: integrations:write.',
    args: { input: t.arg({ type: UpdateIntegrationInput, required: true, description: 'The new definition.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('integrations:write')
      const integration = await context.services.integrations.redefine(workspaceId, input.definition)
      await context.audit('integration.redefined', integration.id, { slug: integration.slug })
      return { integration }
    },
  }),
  deleteIntegration: t.field({
    type: DeleteIntegrationPayload,
    description:
      'Deletes one of the workspace’s own integrations that has no connections, with its settings, OAuth client and imported actions. Scope: integrations:write.',
    args: { input: t.arg({ type: DeleteIntegrationInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input: { slug } }, context) => {
      const { workspaceId } = context.authorize('integrations:write')
      const deletedIntegrationId = await context.services.integrations.delete(workspaceId, slug)
      await context.audit('integration.deleted', deletedIntegrationId, { slug })
      return { deletedIntegrationId }
    },
  }),
  configureIntegration: t.field({
    type: ConfigureIntegrationPayload,
    description:
      'Points an integration elsewhere or gives it an OAuth client, for the whole workspace. Scope: integrations:write.',
    args: { input: t.arg({ type: ConfigureIntegrationInput, required: true, description: 'The settings.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('integrations:write')
      const { rules, callBodies, ...settings } = input
      const checked = rules === undefined ? {} : { rules: checkRules('rules', rulesOf(rules)) }
      const kept = callBodies && { ...callBodies, redact: callBodies.redact ?? [] }
      const changes = { ...settings, ...checked, callBodies: kept }
      const integration = await context.services.integrations.configure(workspaceId, changes)
      const { slug, ...given } = input
      await context.audit('integration.configured', integration.id, { slug, changed: namesOf(given) })
      return { integration }
    },
  }),
}))

function enumName(scheme: string): string {
  return scheme.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
}
