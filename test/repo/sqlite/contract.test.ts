import { describeRepository } from '../contract/repository.ts'
import { tempRepository } from '../repositories.ts'

describe('a repository on SQLite', () => describeRepository(tempRepository))
