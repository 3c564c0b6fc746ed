/** Reads an integration's definition from untrusted data. */
import type { z } from 'zod'
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
  return definitionOf(parsed.data)
}

/**
 * A definition that was accepted once: an action that the rules of today refuse is left out, so that the rest is of use.
 * @throws {GatewayError} INVALID_INPUT when anything else is refused today
 */
export function readStoredIntegration(document: unknown): IntegrationDefinition {
  const parsed = integrationSchema.safeParse(document)
  if (parsed.success) return definitionOf(parsed.data)
  const wrong = new Set(parsed.error.issues.map(({ path: [field, name] }) => (field === 'actions' ? name : undefined)))
  return parseIntegration(wrong.has(undefined) ? document : withoutActions(document, wrong))
}

function definitionOf({ $schema: _, ...definition }: z.output<typeof integrationSchema>): IntegrationDefinition {
  return definition
}

function withoutActions(document: unknown, names: ReadonlySet<PropertyKey | undefined>): unknown {
  const { actions, ...rest } = document as { readonly actions: object }
  return { ...rest, actions: Object.fromEntries(Object.entries(actions).filter(([name]) => !names.has(name))) }
}
