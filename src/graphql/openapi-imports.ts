/** Imported OpenAPI documents: their operations become actions, and a report says which do not and why. */

import type { SkippedOperation } from '../actions/openapi/import-document.ts'
import type { OpenApiImport } from '../actions/openapi-imports.ts'
import { type Integration, integrationNotFound } from '../connections/integrations.ts'
import { builder } from './builder.ts'
import type { GraphQLContext } from './context.ts'
import { IntegrationType } from './integrations.ts'

const SkippedOperationType = builder.objectRef<SkippedOperation>('SkippedOperation').implement({
  description: 'An operation of a document that is no action.',
  fields: t => ({
    method: t.exposeString('method', { description: 'Its method; `*` for all of a path.' }),
    path: t.exposeString('path', { description: 'Its path in the document.' }),
    operationId: t.exposeString('operationId', {
      nullable: true,
      description: 'Its id in the document, when it has one.',
    }),
    reason: t.exposeString('reason', { description: 'Why it is none.' }),
  }),
})

const OpenApiImportType = builder.objectRef<OpenApiImport>('OpenApiImport').implement({
  description: 'An OpenAPI document whose operations are actions of an integration, in this workspace.',
  fields: t => ({
    name: t.exposeString('name', { description: 'Its name; importing it again replaces its actions.' }),
    title: t.exposeString('title', { description: 'The title it gives itself.' }),
    version: t.exposeString('version', { description: 'The version it gives itself; empty when it gives none.' }),
    sourceUrl: t.exposeString('sourceUrl', {
      nullable: true,
      description: 'Where it was fetched, without the query; null for a document that was given.',
    }),
    sha256: t.exposeString('sha256', { description: 'SHA-256 of its text in hexadecimal.' }),
    taken: t.exposeInt('taken', { description: 'How many of its operations are actions.' }),
    skippedTotal: t.exposeInt('skippedTotal', { description: 'How many are not.' }),
    skipped: t.field({
      type: [SkippedOperationType],
      description: 'Those that are not, the first 500 of them.',
      resolve: ({ skipped }) => [...skipped],
    }),
    warnings: t.stringList({
      description: 'What could not be kept of those that are: the first 100 remarks.',
      resolve: ({ warnings }) => [...warnings],
    }),
    importedAt: t.expose('importedAt', { type: 'DateTime', description: 'When it was imported.' }),
  }),
})

builder.objectField(IntegrationType, 'openApiImports', t =>
  t.field({
    type: [OpenApiImportType],
    description: 'The workspace’s imported OpenAPI documents, sorted by name; at most 20. Any access key may ask.',
    resolve: (integration, _args, { services }) => services.openApiImports.list(integration),
  }),
)

const OpenApiSource = builder.inputType('OpenApiSource', {
  description: 'Where a document comes from.',
  isOneOf: true,
  fields: t => ({
    document: t.field({
      type: 'JSON',
      description: 'The document itself: a JSON object, or JSON or YAML as one text. At most 32 MiB.',
    }),
    url: t.string({
      description:
        'Fetched without a credential, https only, with at most five redirects; private addresses are refused. At most 32 MiB.',
    }),
  }),
})

const ImportOpenApiInput = builder.inputType('ImportOpenApiInput', {
  description: 'A document and the integration that it describes.',
  fields: t => ({
    integration: t.string({ required: true, description: 'The integration’s slug.' }),
    name: t.string({
      description: 'What you call the document: 1 to 63 letters, digits and `_.-`. Its title as a slug when absent.',
    }),
    source: t.field({ type: OpenApiSource, required: true, description: 'The document.' }),
    serverUrl: t.string({
      description:
        'The server of the document that stands for the integration’s base URL, as it is written there. When absent, operations whose server lies outside the pinned hosts are skipped.',
    }),
  }),
})

const DeleteOpenApiImportInput = builder.inputType('DeleteOpenApiImportInput', {
  description: 'Which imported document to delete.',
  fields: t => ({
    integration: t.string({ required: true, description: 'The integration’s slug.' }),
    name: t.string({ required: true, description: 'The document’s name.' }),
  }),
})

const ImportOpenApiPayload = builder
  .objectRef<{ integration: Integration; openApiImport: OpenApiImport }>('ImportOpenApiPayload')
  .implement({
    description: 'What importOpenApi took.',
    fields: t => ({
      openApiImport: t.expose('openApiImport', { type: OpenApiImportType, description: 'The report.' }),
      integration: t.expose('integration', { type: IntegrationType, description: 'Where its actions are now.' }),
    }),
  })

const DeleteOpenApiImportPayload = builder
  .objectRef<{ integration: Integration; name: string }>('DeleteOpenApiImportPayload')
  .implement({
    description: 'What deleteOpenApiImport deleted.',
    fields: t => ({
      deletedName: t.exposeString('name', { description: 'The document whose actions are gone.' }),
      integration: t.expose('integration', { type: IntegrationType, description: 'Where they were.' }),
    }),
  })

builder.mutationFields(t => ({
  importOpenApi: t.field({
    type: ImportOpenApiPayload,
    description:
      'Makes every operation of an OpenAPI document (2.0, 3.0, 3.1) an action of an integration, for this workspace only, and reports which are none and why. Importing a document of the same name replaces its actions, all or none. References outside the document are not followed; at most 5,000 operations are taken. A large document takes seconds. Scope: integrations:write.',
    args: { input: t.arg({ type: ImportOpenApiInput, required: true, description: 'The document.' }) },
    resolve: async (_root, { input }, context) => {
      const integration = await requireIntegration(context, input.integration)
      const openApiImport = await context.services.openApiImports.import(integration, input)
      const { name, taken, skippedTotal: skipped } = openApiImport
      await context.audit('openApi.imported', integration.id, { slug: integration.slug, name, taken, skipped })
      return { integration, openApiImport }
    },
  }),
  deleteOpenApiImport: t.field({
    type: DeleteOpenApiImportPayload,
    description: 'Deletes an imported document and its actions. Scope: integrations:write.',
    args: { input: t.arg({ type: DeleteOpenApiImportInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const integration = await requireIntegration(context, input.integration)
      await context.services.openApiImports.delete(integration, input.name)
      await context.audit('openApi.deleted', integration.id, { slug: integration.slug, name: input.name })
      return { integration, name: input.name }
    },
  }),
}))

async function requireIntegration(context: GraphQLContext, slug: string): Promise<Integration> {
  const { workspaceId } = context.authorize('integrations:write')
  const integration = await context.services.integrations.get(workspaceId, slug)
  if (integration === undefined) throw integrationNotFound(slug)
  return integration
}
