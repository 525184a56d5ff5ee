import { describeRepository } from '../../repo/contract/repository.ts'
import { postgresRepository } from './server.ts'

describe('a repository on PostgreSQL', () => describeRepository(postgresRepository, [3]))
