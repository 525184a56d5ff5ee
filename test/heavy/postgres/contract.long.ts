import { describeRepository } from '../../repo/contract/repository.ts'
import { reusedRepository } from './server.ts'

describe('a repository on PostgreSQL', () => describeRepository(reusedRepository, [3]))
