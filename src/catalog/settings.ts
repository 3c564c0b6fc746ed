/** A workspace's settings laid over a definition: the same integration at another address or with other scopes. */
import { type ErrorDetail, invalidFields } from '../errors.ts'
import { type IntegrationDefinition, integrationSchema } from './entry.ts'
import { describeIssues } from './issues.ts'

/** Absent and null keep the definition's value. */
export interface IntegrationSettings {
  readonly baseUrl?: string | null | undefined
  /** Absent although `baseUrl` is given: the pins are the host of that base URL alone. */
  readonly hosts?: readonly string[] | null | undefined
  readonly authorizationUrl?: string | null | undefined
  readonly tokenUrl?: string | null | undefined
  readonly scopes?: readonly string[] | null | undefined
}

const oauthFields = ['authorizationUrl', 'tokenUrl', 'scopes'] as const

/**
 * The definition as the workspace uses it; the given one stays as it is.
 * @throws {GatewayError} INVALID_INPUT with one detail per setting that is wrong, named as in the settings
 */
export function applySettings(definition: IntegrationDefinition, settings: IntegrationSettings): IntegrationDefinition {
  const oauth = pickGiven(settings, oauthFields)
  const place = pickGiven(settings, ['baseUrl', 'hosts'])
  if (Object.keys(oauth).length === 0 && Object.keys(place).length === 0) return definition
  const index = definition.auth.findIndex(entry => entry.scheme === 'oauth2')
  if (index === -1 && Object.keys(oauth).length > 0) throw invalidFields(refuseOAuth(definition, Object.keys(oauth)))
  const { hosts, ...rest } = definition
  const document = {
    ...rest,
    ...(place.baseUrl === undefined && hosts !== undefined ? { hosts } : {}),
    ...place,
    auth: definition.auth.map((entry, at) => (at === index ? { ...entry, ...oauth } : entry)),
  }
  const parsed = integrationSchema.safeParse(document)
  if (parsed.success) return parsed.data
  throw invalidFields(describeIssues(parsed.error, document, '').map(detail => renameField(detail, index)))
}

function pickGiven<Field extends keyof IntegrationSettings>(
  settings: IntegrationSettings,
  fields: readonly Field[],
): { [Name in Field]?: NonNullable<IntegrationSettings[Name]> } {
  const given = fields.flatMap(field => (settings[field] == null ? [] : [[field, settings[field]]]))
  return Object.fromEntries(given)
}

function refuseOAuth(definition: IntegrationDefinition, fields: readonly string[]): ErrorDetail[] {
  return fields.map(field => ({
    field,
    message: `${field} is of use to oauth2 only, which ${definition.name} does not take.`,
  }))
}

/** `.auth.1.tokenUrl` is `tokenUrl` to whoever wrote the settings. */
function renameField(detail: ErrorDetail, index: number): ErrorDetail {
  const field = detail.field.replace(`.auth.${index}.`, '').replace(/^\./, '')
  return { field, message: `${field}${detail.message.slice(detail.field.length)}` }
}
