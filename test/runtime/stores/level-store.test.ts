import { storeSuite } from '../../contract/store-suite.ts';
import { makeLevelMedium } from './level-medium.ts';

storeSuite('level', makeLevelMedium);
