import { Document, isScalar, visit } from "yaml";
import type { Fields } from "./fields";

/** The file of a stack: `comment` says where it came from. Empty sections are left out. */
export function stackText(sections: Fields, comment: string): string {
  const config: Fields = {};
  for (const [name, value] of Object.entries(sections)) {
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    if (value !== undefined && !isEmpty) config[`labplan:${name}`] = value;
  }
  // YAML 1.1, so that all is quoted that the Pulumi CLI would read as a number or a date.
  const document = new Document({ config }, { version: "1.1", aliasDuplicateObjects: false });
  document.commentBefore = ` yaml-language-server: $schema=../schemas/stack.schema.json\n ${comment}`;
  visit(document, {
    Seq: (_, list) => {
      list.flow = list.items.every(isScalar);
    },
  });
  return document.toString({ lineWidth: 110 });
}
