// What the specs use of bpmn-moddle, which brings types for its elements only.
declare module "bpmn-moddle" {
  export class BpmnModdle {
    fromXML(xml: string): Promise<{ rootElement: any; warnings: unknown[]; elementsById: Record<string, any> }>;
    toXML(element: any, options?: { format?: boolean }): Promise<{ xml: string }>;
  }
}
