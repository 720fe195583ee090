from .contract import Contract
def render(contract: Contract) -> str: return ""
