/** A builder for internal functions: values only. */
import { bug } from '../base/failures.ts';
import { Builder, type Node } from '../ir/builder.ts';

export class PureBuilder extends Builder {
  override effect(_node: Node): Node {
    return bug('effect in an internal function');
  }
  pc(): Node {
    return bug('no PC in an internal function');
  }
  nextPc(): Node {
    return bug('no PC in an internal function');
  }
}
