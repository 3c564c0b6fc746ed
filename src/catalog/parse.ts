/** Reads an integration's definition from untrusted data. */
import { invalidFields } from '../errors.ts'
import { type IntegrationDefinition, integrationSchema } from './entry.ts'
import { describeIssues } from './issues.ts'

/**
 * The definition with its defaults filled in and header names in lower case; parsing it again changes nothing.
 * @throws {GatewayError} INVALID_INPUT with one detail per wrong field, such as `definition.auth.0.inject`
 */
export function parseIntegration(document: unknown): IntegrationDefinition {
  const parsed = integrationSchema.safeParse(document)
  if (!parsed.success) throw invalidFields(describeIssues(parsed.error, document, 'definition'))
  const { $schema: _, ...definition } = parsed.data
  return definition
}
