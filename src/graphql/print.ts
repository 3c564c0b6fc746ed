/** Writes the printed schemas: schema/schema.graphql and schema/integration.schema.json (`npm run schema`). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { printSchema } from 'graphql'
import { integrationJsonSchema } from '../catalog/json-schema.ts'
import { schema } from './schema.ts'

const folder = join(import.meta.dirname, '../../schema')

writeFileSync(join(folder, 'schema.graphql'), `${printSchema(schema)}\n`)
writeFileSync(join(folder, 'integration.schema.json'), `${JSON.stringify(integrationJsonSchema(), null, 2)}\n`)
